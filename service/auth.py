"""Who may see what: a token carries a role and a region; nothing but the health checks and the sign-in page opens without one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from features.errors import UserError
from service.problems import ApiError
from service.regions import COUNTY_DIGITS, REGION, TOWN_DIGITS, VILLAGE_DIGITS

SIGN_IN = "/sign-in"
OPEN_PATHS = frozenset({"/healthz", "/readyz", SIGN_IN})
OPEN_FOLDER = "/static/"  # style and script of the pages, the same for everybody


class Role(StrEnum):
    """What a token is for."""

    COUNTY = "county"
    TOWNSHIP = "township"
    VILLAGE = "village"
    DASHBOARD = "dashboard"
    KIOSK = "kiosk"
    SCIENTIST = "scientist"

    @classmethod
    def _missing_(cls, value: object) -> Role | None:
        return cls.TOWNSHIP if value == "town" else None  # both words are in use


class Right(StrEnum):
    """What a role may do; every route names the one it needs."""

    COUNTS = "counts"  # how many households of each kind
    LIST = "list"  # scores, tiers and causes of pseudonymous households
    FACTS = "facts"  # what is known of a household: for those who go to its door, not for a screen on a wall
    VISIT = "visit"  # record a visit
    SCORE = "score"  # have households of one's own scored
    IMPORT = "import"  # bring data in
    MODEL = "model"  # which model answers


_READS = {Right.COUNTS, Right.LIST, Right.MODEL}
RIGHTS: dict[Role, frozenset[Right]] = {
    Role.COUNTY: frozenset(Right),
    Role.TOWNSHIP: frozenset(_READS | {Right.FACTS, Right.VISIT, Right.SCORE}),
    Role.VILLAGE: frozenset(_READS | {Right.FACTS, Right.VISIT, Right.SCORE}),
    Role.DASHBOARD: frozenset(_READS),
    Role.KIOSK: frozenset({Right.COUNTS}),
    Role.SCIENTIST: frozenset(_READS | {Right.SCORE}),
}
ROLE_DIGITS: dict[Role, tuple[int, ...]] = {
    Role.COUNTY: (COUNTY_DIGITS,),
    Role.TOWNSHIP: (TOWN_DIGITS,),
    Role.VILLAGE: (VILLAGE_DIGITS,),
    Role.DASHBOARD: (COUNTY_DIGITS, TOWN_DIGITS, VILLAGE_DIGITS),
    Role.KIOSK: (COUNTY_DIGITS, TOWN_DIGITS, VILLAGE_DIGITS),
    Role.SCIENTIST: (COUNTY_DIGITS,),
}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking.

    Attributes:
        region: area code of 6, 9 or 12 digits: everything under it may be seen, nothing else.
        name: who it is, for records of who did something: the user's name, else the token's label, else its number.
        user: the user's name, where the token belongs to one.
        opener: the token that signed in, where a browser's session is asking.
    """

    token_id: int
    role: Role
    region: str
    name: str = ""
    user: str | None = None
    opener: int | None = None

    @property
    def session(self) -> bool:
        """Whether a browser's session is asking."""
        return self.opener is not None

    @property
    def counted_as(self) -> int:
        """The number of the token under which requests are counted: all sessions of a token count as that token."""
        return self.token_id if self.opener is None else self.opener

    def may(self, right: Right) -> bool:
        """Whether the role holds a right."""
        return right in RIGHTS[self.role]

    def need(self, right: Right) -> None:
        """Stops a request that the role has no right to.

        Raises:
            ApiError: 403.
        """
        if not self.may(right):
            raise ApiError(
                403,
                f"{self.role.value} 令牌无此权限（{right.value}） a {self.role.value} token does not hold the right “{right.value}”; "
                "ask the county office for another role",
            )

    @property
    def sees_facts(self) -> bool:
        """Whether the facts of a household may be shown."""
        return self.may(Right.FACTS)

    def scope(self, region: str | None) -> str:
        """The region a request is about: the one asked for, which must lie inside the token's, or the token's own.

        Raises:
            ApiError: 403, the region lies outside.
        """
        if region is None:
            return self.region
        if not region.startswith(self.region):
            raise ApiError(
                403,
                f"区划 {region} 不在本令牌的范围 {self.region} 之内 "
                f"region {region} lies outside this token's region {self.region}; ask for a region that begins with {self.region}",
            )
        return region


def check_grant(role: Role, region: str) -> None:
    """Refuses a region that does not fit the role.

    Raises:
        UserError: with the number of digits that is expected.
    """
    digits = ROLE_DIGITS[role]
    if not REGION.match(region) or len(region) not in digits:
        allowed = " / ".join(str(number) for number in digits)
        raise UserError(
            f"{role.value} 令牌的区划代码应为 {allowed} 位数字 the region of a {role.value} token has {allowed} digits, not {region!r}"
        )
