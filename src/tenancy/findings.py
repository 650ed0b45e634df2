"""What a verification may find, and what it says in the end."""

from collections.abc import Iterator
from uuid import UUID

import msgspec

from tenancy.merkle import Range
from tenancy.signing import Checkpoint


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong."""

    code: str
    detail: str
    position: int | None = None
    """The log position that is wrong; None when it is not about one."""
    until: int | None = None
    """Where the position could only be narrowed down: it is from `position` up to this one."""

    def __str__(self) -> str:
        if self.position is None:
            return f"{self.code}: {self.detail}"
        place = f"position {self.position}"
        if self.until not in (None, self.position):
            place = f"positions {self.position} to {self.until}"
        return f"{place}: {self.code}: {self.detail}"


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What verification found. Only when `ok` is anything that was read from the bundle proven."""

    findings: tuple[Finding, ...]
    """First wrong position first; those without a position last."""
    tenant_id: UUID | None = None
    tree_size: int = 0
    root: bytes = b""
    verifier: str = ""
    """The public key that was verified with."""
    pinned: bool = False
    """Whether the caller brought that key, or it was taken from the bundle itself."""
    events: int = 0
    """Rows that agree with the signed head."""
    opened: int = 0
    """Events whose content was opened too."""
    checkpoints: int = 0
    """Earlier checkpoints that this history continues."""

    @property
    def ok(self) -> bool:
        return not self.findings

    @property
    def first_wrong(self) -> int | None:
        """The first wrong position, where one can be named."""
        return min((f.position for f in self.findings if f.position is not None), default=None)


class Stop(Exception):
    """Nothing further can be verified."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.finding = Finding(code=code, detail=detail)


class Earlier:
    """Checkpoints signed before, met by a tree as it grows through their sizes."""

    def __init__(self, checkpoints: Iterator[Checkpoint]) -> None:
        self._rest = checkpoints
        self._next = next(checkpoints, None)
        self.continued = 0
        self.good_until = 0
        """The largest size at which a checkpoint agreed, before the first that did not."""
        self.first_bad: int | None = None

    def meet(self, tree: Range) -> None:
        """Compare with every checkpoint of the tree's present size."""
        while self._next is not None and self._next.size <= tree.size:
            if self._next.root == tree.root():
                self.continued += 1
                if self.first_bad is None:
                    self.good_until = tree.size
            elif self.first_bad is None:
                self.first_bad = self._next.size
            self._next = next(self._rest, None)

    def beyond(self) -> int | None:
        """The size of the largest checkpoint that the tree did not reach."""
        sizes = [each.size for each in (self._next, *self._rest) if each is not None]
        return max(sizes, default=None)
