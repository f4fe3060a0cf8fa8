"""The way of a sign-in: account, password, second factor, consent, then where it leads.

What the browser's session already answers is not asked again; with ``prompt=none`` whatever is not
answered goes back as an error (OpenID Connect Core section 3.1.2.6).
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping

from msidweb.testing.exchange import Answer

from .authorization import Wish
from .consents import (
    Permissions,
    is_admin,
    missing_consent,
    needs_other_admin,
    wanted_permissions,
)
from .directory import Directory, Tenant, User
from .errors import RefusalError
from .interactions import Goal, Interaction, Interactions
from .policies import Policies, can_be_satisfied
from .refresh import SignedIn
from .scopes import WantedScopes
from .screens import Screens, eligible_users
from .sessions import BrowserSession, BrowserSessions, Presence
from .tokens import Subject

_Form = Mapping[str, str]


class SignIn:
    """Asks the user what must be asked, one page after the other."""

    def __init__(self, directory: Directory, policies: Policies, sessions: BrowserSessions) -> None:
        self._directory = directory
        self._policies = policies
        self._sessions = sessions
        self._screens = Screens(directory)
        self._under_way = Interactions()

    def begin(
        self, session: BrowserSession, wish: Wish, goal: Goal, *, confirmed: bool = True
    ) -> Answer:
        """The first page, or the end where nothing needs to be asked."""
        interaction = Interaction(session, wish, goal)
        self._under_way.add(interaction)
        if not confirmed:
            interaction.step = "confirm"
        elif wish.prompt in {"login", "select_account"}:
            interaction.step = "account"
        return self._next(interaction)

    def at_once(
        self, session: BrowserSession, user: User, wish: Wish, goal: Goal, *, approve: bool
    ) -> Answer:
        """The end of a sign-in without pages, by a user who says yes; raises the refusal."""
        interaction = Interaction(session, wish, goal)
        self._tenant(interaction, user)
        interaction.user = user
        answer = self._enter(interaction, user)
        if interaction.step == "approve":
            if not approve:
                raise interaction.refusal(500121)
            answer = self._approve(interaction, approved=True)
        if interaction.step == "consent":
            answer = self._accept(interaction, for_all=False)
        if interaction.step == "admin":
            raise interaction.refusal(90094)
        return answer

    def go_on(self, session: BrowserSession, form: _Form) -> Answer:
        """The page after an answered one; raises the refusal of another browser's form."""
        interaction = self._under_way.find(form.get("ctx", ""), session)
        if interaction is None:
            raise RefusalError(90014, "The sign-in is over, or was begun in another browser.")
        if "cancel" in form:
            raise self._canceled(interaction)
        if form.get("step") != interaction.step:
            return self._next(interaction)
        if "back" in form:
            interaction.start_over()
            return self._next(interaction)
        return self._answered(interaction, form)

    def _canceled(self, interaction: Interaction) -> RefusalError:
        self._under_way.remove(interaction)
        if interaction.step == "admin":
            return interaction.refusal(90094)
        subcode = None if interaction.step == "consent" else "cancel"
        return interaction.refusal(65004, subcode=subcode)

    def _answered(self, interaction: Interaction, form: _Form) -> Answer:
        match interaction.step:
            case "account":
                return self._account(interaction, form.get("account", "").strip().lower())
            case "password":
                return self._password(interaction, form.get("password", ""))
            case "approve":
                return self._approve(interaction, approved="approve" in form)
            case "consent" if "accept" in form:
                return self._accept(interaction, for_all="organization" in form)
            case "confirm" if "continue" in form:
                interaction.step = "start"
        return self._next(interaction)

    def _account(self, interaction: Interaction, upn: str) -> Answer:
        user = self._directory.users.get(upn)
        if user is None:
            return self._screens.accounts(interaction, problem=50034)
        self._tenant(interaction, user)
        interaction.user = user
        if self._presence(interaction, user) is not None:
            return self._next(interaction)
        if user.asks_password:
            return self._screens.password(interaction, user)
        return self._enter(interaction, user)

    def _password(self, interaction: Interaction, offered: str) -> Answer:
        user = interaction.user
        if user is None:
            return self._next(interaction)
        if not hmac.compare_digest(user.password.encode(), offered.encode()):
            return self._screens.password(interaction, user, problem=50126)
        return self._enter(interaction, user)

    def _enter(self, interaction: Interaction, user: User) -> Answer:
        self._sessions.sign_in(interaction.session, user)
        interaction.fresh = True
        return self._next(interaction)

    def _approve(self, interaction: Interaction, *, approved: bool) -> Answer:
        presence = self._presence(interaction, interaction.user)
        if presence is not None and approved:
            presence.strengthen(interaction.wish.claims.contexts)
        elif presence is not None:
            return self._screens.approval(interaction, presence.user, problem=500121)
        return self._next(interaction)

    def _accept(self, interaction: Interaction, *, for_all: bool) -> Answer:
        presence = self._presence(interaction, interaction.user)
        if presence is None:
            return self._next(interaction)
        subject = presence.subject(self._tenant(interaction, presence.user).id)
        asked = self._asked(interaction, self._wanted(interaction, subject), subject) or []
        if not needs_other_admin(asked, subject):
            interaction.agreed = True
            oid = None if for_all and is_admin(subject) else subject.oid
            for wish in asked:
                self._directory.consent(
                    interaction.wish.client,
                    wish.resource,
                    wish.scopes,
                    tenant_id=subject.tenant_id,
                    oid=oid,
                )
        return self._next(interaction)

    def _next(self, interaction: Interaction) -> Answer:
        if interaction.step == "confirm":
            return self._screens.confirmation(interaction)
        if interaction.user is None and interaction.step == "start":
            interaction.user = self._silent(interaction)
        user = interaction.user
        presence = self._presence(interaction, user)
        if user is None or presence is None:
            self._must_ask(interaction, 50058, error="login_required")
            interaction.start_over()
            return self._screens.accounts(interaction)
        subject = presence.subject(self._tenant(interaction, user).id)
        wanted = self._wanted(interaction, subject)
        if self._is_weak(interaction, wanted, subject, presence):
            return self._screens.approval(interaction, user)
        asked = self._asked(interaction, wanted, subject)
        if asked is not None:
            self._must_ask(interaction, 65001, error="consent_required")
            return self._screens.consent(interaction, asked, subject)
        self._under_way.remove(interaction)
        signed_in = SignedIn(subject, presence.at, interaction.wish.scope)
        return interaction.goal.reached(signed_in, interaction.session)

    def _silent(self, interaction: Interaction) -> User | None:
        """The account that needs no question, among those present in the browser."""
        hint = interaction.wish.login_hint.lower()
        present = [
            user
            for user in eligible_users(interaction.wish, self._directory)
            if user.upn in interaction.session.present and hint in {"", user.upn}
        ]
        if len(present) > 1:
            self._must_ask(interaction, 16000)
        return present[0] if len(present) == 1 else None

    def _presence(self, interaction: Interaction, user: User | None) -> Presence | None:
        presence = interaction.session.present.get(user.upn) if user else None
        if presence is None or (interaction.wish.prompt == "login" and not interaction.fresh):
            return None
        ended = presence.at < interaction.wish.claims.not_before or self._policies.has_revoked(
            presence.user.oid, presence.at
        )
        # Whoever signed in just now is not asked again and again: the check below has the word.
        return None if ended and not interaction.fresh else presence

    def _tenant(self, interaction: Interaction, user: User) -> Tenant:
        tenant = self._directory.find_tenant(interaction.wish.segment)
        if tenant is None and not user.personal:
            tenant = self._directory.tenants[user.tid]
        if tenant is None or user.object_id(tenant.id) is None:
            raise RefusalError(50020)
        return tenant

    def _wanted(self, interaction: Interaction, subject: Subject) -> list[WantedScopes]:
        scope, tenant_id = interaction.wish.scope, subject.tenant_id
        try:
            return WantedScopes.parse_all(scope, self._directory, tenant_id=tenant_id)
        except RefusalError as refusal:
            raise refusal.shown_by(interaction.goal.refuse) from None

    def _is_weak(
        self,
        interaction: Interaction,
        wanted: list[WantedScopes],
        subject: Subject,
        presence: Presence,
    ) -> bool:
        wish = interaction.wish
        try:
            for scopes in wanted:
                resource = scopes.target.resource
                self._policies.check(
                    subject, resource, wish.claims, client=wish.client, signed_in_at=presence.at
                )
        except RefusalError as refusal:
            self._must_ask(interaction, refusal.code, claims=refusal.claims)
            if not can_be_satisfied(refusal):
                self._under_way.remove(interaction)
                raise
            return True
        return False

    def _asked(
        self, interaction: Interaction, wanted: list[WantedScopes], subject: Subject
    ) -> list[Permissions] | None:
        """What the consent page asks for; None where there is no need for it."""
        wish = interaction.wish
        if wish.prompt == "consent" and not interaction.agreed:
            return wanted_permissions(wish.client, wanted)
        return missing_consent(wish.client, wanted, subject, self._directory) or None

    def _must_ask(
        self,
        interaction: Interaction,
        code: int,
        *,
        error: str | None = None,
        claims: str | None = None,
    ) -> None:
        if interaction.wish.prompt == "none":
            self._under_way.remove(interaction)
            raise interaction.refusal(code, error=error, claims=claims)
