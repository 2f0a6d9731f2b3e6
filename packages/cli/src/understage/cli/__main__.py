"""`python -m understage.cli` is the understage command."""

from understage.cli.main import main

if __name__ == "__main__":
    main()
