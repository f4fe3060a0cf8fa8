"""The guide's entries: its code blocks by number, best practices and troubleshooting by heading."""

from typing import NamedTuple


class Entry(NamedTuple):
    """One thing that the guide says; ``block`` is the number of its code block, if it has one."""

    heading: str
    block: int | None = None

    @property
    def name(self) -> str:
        return self.heading if self.block is None else f"{self.heading} [{self.block}]"


ENTRIES = (
    Entry("Overview: On-Behalf-Of Flow", 1),
    Entry("Prerequisites"),
    Entry("ASP.NET Core 1: Configure Authentication", 2),
    Entry("ASP.NET Core 2: Configure appsettings.json", 3),
    Entry("ASP.NET Core 3: Add Downstream API Support", 4),
    Entry("ASP.NET Core 4: Call Downstream API from Your API", 5),
    Entry("Token cache: In-Memory Cache", 6),
    Entry("Token cache: Distributed Cache", 7),
    Entry("Token cache: Other Distributed Cache Options", 8),
    Entry("Long-Running Processes: The Challenge", 9),
    Entry("Long-Running Processes: Session Keys"),
    Entry("Long-Running Processes: Explicit Key", 10),
    Entry("Long-Running Processes: AllocateForMe", 11),
    Entry("Long-Running Processes: Important Considerations"),
    Entry("Error Handling: MicrosoftIdentityWebChallengeUserException", 12),
    Entry("Error Handling: Client Handling Consent Requirement", 13),
    Entry("Error Handling: Downstream API Failures", 14),
    Entry("OWIN 1: Configure Startup.cs", 15),
    Entry("OWIN 2: Call API from Controllers", 16),
    Entry("Calling Multiple Downstream APIs", 17),
    Entry("Best Practice 1: Always Use Distributed Cache in Production", 18),
    Entry("Best Practice 3: Log", 19),
    Entry("Best Practice 4: Set Appropriate Timeouts", 20),
    Entry("Best Practice 5: Validate Incoming Tokens", 21),
    Entry("Troubleshooting: AADSTS50013"),
    Entry("Troubleshooting: AADSTS65001"),
    Entry("Troubleshooting: AADSTS500133"),
    Entry("Troubleshooting: OBO Token Not Cached"),
    Entry("Troubleshooting: Multiple API Instances Not Sharing Cache"),
)
