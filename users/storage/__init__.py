"""The only readers and writers of this app's tables; they return entities."""
