"""The plugins that come with contactsync. They use the door that all plugins use: `contactsync.api`."""
