"""The errors that a user can mend, as opposed to faults of ours."""


class InputError(ValueError):
    """Bad input or settings (exit code 2). The message names what is wrong, where, and what to do.

    Attributes:
        faults: one sentence per fault, all that were found, in a fixed order.
    """

    def __init__(self, *faults: str) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults
