"""Files to import in S3: sent there by the browser, read from there in ranges."""

PREFIX = "imports/"
