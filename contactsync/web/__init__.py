"""The doors for people and programs: REST API, health, metrics. Flask lives here and at the webhook door."""
