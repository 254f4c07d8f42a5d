"""DynamoDB for Django: tables, batches, cursors and a meter. Knows nothing of what is stored."""
