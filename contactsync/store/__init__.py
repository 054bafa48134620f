"""The database: the queue and the truth. SQLAlchemy lives in this folder only."""
