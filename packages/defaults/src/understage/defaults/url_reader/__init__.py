"""The URL reader service: files, folders and searches by address, whatever host they are on."""
