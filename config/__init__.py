"""The configuration that comes with contactsync; it is installed as the package `contactsync_config`."""
