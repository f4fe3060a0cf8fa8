"""The token cache: partitions in this process, and the seam to shared stores."""
