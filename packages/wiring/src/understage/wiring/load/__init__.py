"""From what was added to services, plugins and modules: feature loaders, discovery of installed packages."""
