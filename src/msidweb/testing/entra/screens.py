"""Which page a sign-in shows, filled with what the emulator knows."""

from __future__ import annotations

from msidweb.testing.exchange import Answer

from . import pages
from .authorization import Wish
from .consents import Permissions, described, is_admin, needs_other_admin
from .directory import Directory, User
from .errors import RefusalError
from .interactions import Interaction, Step
from .tokens import Subject

_LISTED = 50


class Screens:
    """The pages of a sign-in; *problem* is the AADSTS code of what was wrong with the last one."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def confirmation(self, interaction: Interaction) -> Answer:
        """Is it your device?"""
        return pages.confirm_device(_form(interaction, "confirm"), app=_app(interaction))

    def accounts(self, interaction: Interaction, *, problem: int = 0) -> Answer:
        """Who signs in?"""
        present = interaction.session.present
        choices = [
            pages.Choice(user.upn, user.name, "- signed in" if user.upn in present else "")
            for user in eligible_users(interaction.wish, self._directory)[:_LISTED]
        ]
        return pages.pick_account(
            _form(interaction, "account", problem),
            app=_app(interaction),
            choices=choices,
            hint=interaction.wish.login_hint,
        )

    def password(self, interaction: Interaction, user: User, *, problem: int = 0) -> Answer:
        """Their password."""
        form = _form(interaction, "password", problem)
        return pages.enter_password(form, app=_app(interaction), upn=user.upn)

    def approval(self, interaction: Interaction, user: User, *, problem: int = 0) -> Answer:
        """Their second factor."""
        form = _form(interaction, "approve", problem)
        return pages.approve_sign_in(form, app=_app(interaction), upn=user.upn)

    def consent(
        self, interaction: Interaction, asked: list[Permissions], subject: Subject
    ) -> Answer:
        """Their consent, or who else must give it."""
        upn = subject.user.upn
        lines = described(interaction.wish.client, asked, self._directory)
        if needs_other_admin(asked, subject):
            form = _form(interaction, "admin", 90094)
            return pages.need_admin(form, app=_app(interaction), upn=upn, permissions=lines)
        return pages.ask_consent(
            _form(interaction, "consent"),
            app=_app(interaction),
            upn=upn,
            permissions=lines,
            for_all=is_admin(subject),
        )


def eligible_users(wish: Wish, directory: Directory) -> list[User]:
    """Who may sign in where the wish is, and where its domain hint points."""
    tenant = directory.find_tenant(wish.segment)
    return [
        user
        for user in directory.users.values()
        if (not user.personal if tenant is None else user.object_id(tenant.id) is not None)
        and _is_of(wish.domain_hint, user, directory)
    ]


def _form(interaction: Interaction, step: Step, problem: int = 0) -> pages.Form:
    interaction.step = step
    fields = {"ctx": interaction.key, "step": step}
    text = f"AADSTS{problem}: {RefusalError(problem).text}" if problem else ""
    return pages.Form(fields, interaction.goal.form_targets, text)


def _app(interaction: Interaction) -> str:
    return interaction.wish.client.name


def _is_of(domain: str, user: User, directory: Directory) -> bool:
    if domain in {"", "organizations", "consumers"}:
        return not domain or user.personal is (domain == "consumers")
    return domain.lower() in {user.tid, directory.tenants[user.tid].domain}
