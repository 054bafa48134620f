"""The console: pages for event marketers and those who set contactsync up."""
