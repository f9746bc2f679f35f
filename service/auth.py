"""Who may see what: a bearer token carries a role and a region; nothing but the two health checks opens without one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import anyio.to_thread
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from features.errors import UserError
from service.clock import Clock
from service.problems import ApiError, problem
from service.regions import COUNTY_DIGITS, REGION, TOWN_DIGITS, VILLAGE_DIGITS
from service.storage.database import Database
from service.storage.token_store import find_token

OPEN_PATHS = frozenset({"/healthz", "/readyz"})


class Role(StrEnum):
    """What a token is for."""

    COUNTY = "county"
    TOWNSHIP = "township"
    VILLAGE = "village"
    DASHBOARD = "dashboard"
    KIOSK = "kiosk"
    SCIENTIST = "scientist"


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
    """

    token_id: int
    role: Role
    region: str

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


class Gate:
    """Stands before every route: a request without a valid token goes no further."""

    def __init__(self, app: ASGIApp, database: Database, clock: Clock) -> None:
        self.app = app
        self.database = database
        self.clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets a request pass, or answers it with 401."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http" or scope["path"] in OPEN_PATHS:
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        caller = await self._caller(request.headers.get("authorization", ""))
        if isinstance(caller, str):
            answer = problem(401, caller, request.url.path, headers={"WWW-Authenticate": 'Bearer realm="fangpin"'})
            await answer(scope, receive, send)
            return
        scope.setdefault("state", {})["caller"] = caller
        await self.app(scope, receive, send)

    async def _caller(self, header: str) -> Caller | str:
        """The caller, or why there is none."""
        scheme, _, token = header.partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            return "请在 Authorization 头中给出 Bearer 令牌 send a bearer token in the Authorization header"
        # A lookup in a local file takes less time than a change of thread.
        found = self._find(token) if self.database.is_sqlite else await anyio.to_thread.run_sync(self._find, token)
        return (
            found or "令牌无效、已过期或已吊销 the token is unknown, expired or revoked; ask for a new one: python -m service token create"
        )

    def _find(self, token: str) -> Caller | None:
        with self.database.reading() as connection:
            row = find_token(connection, token, self.clock())
        return None if row is None else Caller(row.id, Role(row.role), row.region)
