"""Named HTTP clients: deadlines, guarded URLs and headers, the aiohttp transport."""
