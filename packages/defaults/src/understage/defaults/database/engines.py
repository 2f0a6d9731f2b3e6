"""What the SQLAlchemy engines of both dialects share."""

from understage.errors import UnsupportedOperationError


def missing_sqlalchemy(error: ImportError) -> UnsupportedOperationError:
    """Returns the error that says how to install SQLAlchemy with its drivers."""
    return UnsupportedOperationError(
        "engine() needs SQLAlchemy, which is not installed: pip install 'understage[sqlalchemy]'", error
    )
