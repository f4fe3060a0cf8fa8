"""The pages that a user sees. They work without script, at any width, by keyboard alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from msidweb.testing.exchange import Answer

from .errors import RefusalError
from .markup import Html, document, fill, hidden, joined


@dataclass(frozen=True, slots=True)
class Form:
    """What every form of a sign-in carries.

    Attributes:
        fields: Hidden fields: which sign-in, which step.
        targets: Where the answer may lead to beside the emulator, for the browser's policy.
        problem: What was wrong with the last answer.
    """

    fields: Mapping[str, str]
    targets: tuple[str, ...] = ()
    problem: str = ""

    def page(self, title: str, template: str, **values: str) -> Answer:
        """A page whose forms are this one."""
        body = fill(
            template,
            title=title,
            problem=fill(_PROBLEM, text=self.problem) if self.problem else Html(),
            described=Html(_DESCRIBED if self.problem else ""),
            hidden=hidden(self.fields),
            **values,
        )
        return document(title, body, form_targets=self.targets)


@dataclass(frozen=True, slots=True)
class Choice:
    """An account to pick."""

    upn: str
    name: str
    note: str = ""


def pick_account(form: Form, *, app: str, choices: Iterable[Choice], hint: str) -> Answer:
    """Who signs in?"""
    rows = joined(
        fill(_CHOICE, upn=choice.upn, name=choice.name, note=choice.note) for choice in choices
    )
    choices_form = fill(_CHOICES, hidden=hidden(form.fields), rows=rows) if rows else Html()
    return form.page("Pick an account", _ACCOUNT, app=app, choices=choices_form, hint=hint)


def enter_password(form: Form, *, app: str, upn: str) -> Answer:
    """The password of an account that has one."""
    return form.page("Enter password", _PROVE, app=app, upn=upn)


def approve_sign_in(form: Form, *, app: str, upn: str) -> Answer:
    """The second factor."""
    return form.page("Approve sign-in request", _APPROVE, app=app, upn=upn)


def ask_consent(
    form: Form, *, app: str, upn: str, permissions: Iterable[str], for_all: bool
) -> Answer:
    """May the app have this? An administrator may say so for everybody."""
    rows = joined(fill("<li>{text}</li>\n", text=text) for text in permissions)
    everybody = Html(_FOR_ALL if for_all else "")
    return form.page(
        "Permissions requested", _CONSENT, app=app, upn=upn, rows=rows, everybody=everybody
    )


def need_admin(form: Form, *, app: str, upn: str, permissions: Iterable[str]) -> Answer:
    """Only an administrator may consent to this."""
    rows = joined(fill("<li>{text}</li>\n", text=text) for text in permissions)
    return form.page("Need admin approval", _NEED_ADMIN, app=app, upn=upn, rows=rows)


def enter_device_code(form: Form) -> Answer:
    """The code that a device shows."""
    return form.page("Enter code", _DEVICE)


def confirm_device(form: Form, *, app: str) -> Answer:
    """Is it your device? Who sends others a code of his own hopes for a yes."""
    return form.page("Are you trying to sign in?", _CONFIRM, app=app)


def message(title: str, text: str) -> Answer:
    """Nothing more to do."""
    return document(title, fill("<h1>{title}</h1>\n<p>{text}</p>", title=title, text=text))


def refused(refusal: RefusalError, body: Mapping[str, object]) -> Answer:
    """An error that goes back to nobody."""
    page = fill(
        _REFUSED,
        text=f"AADSTS{refusal.code}: {refusal.text}",
        correlation=str(body["correlation_id"]),
        trace=str(body["trace_id"]),
        timestamp=str(body["timestamp"]),
    )
    return document("Sorry, but we're having trouble signing you in", page, status=refusal.status)


_PROBLEM = '<p class="problem" role="alert" id="problem">{text}</p>'
_DESCRIBED = ' aria-describedby="problem" aria-invalid="true"'
_CANCEL = """\
<form method="post" action="/login">{hidden}
<button class="other" name="cancel" value="1">Cancel</button>
</form>"""
_CHOICES = """\
<form method="post" action="/login">{hidden}
<ul>
{rows}</ul>
</form>"""
_CHOICE = """\
<li><button name="account" value="{upn}">{name} <small>{upn} {note}</small></button></li>
"""
_ACCOUNT = (
    """\
<h1>{title}</h1>
<p>to continue to {app}</p>
{problem}
{choices}
<form method="post" action="/login">{hidden}
<label for="account">Another account</label>
<input id="account" name="account" type="text" value="{hint}" autocomplete="username"
 autocapitalize="none" spellcheck="false" required{described}>
<button class="main">Next</button>
</form>
"""
    + _CANCEL
)
_PROVE = """\
<h1>{title}</h1>
<p>{upn} signs in to {app}</p>
{problem}
<form method="post" action="/login">{hidden}
<input type="text" name="username" value="{upn}" autocomplete="username" hidden>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password"
 required autofocus{described}>
<button class="main">Sign in</button>
</form>
<form method="post" action="/login">{hidden}
<button class="other" name="back" value="1">Back</button>
</form>"""
_APPROVE = (
    """\
<h1>{title}</h1>
<p>{app} wants more than one proof that you are {upn}. This emulator stands in for your
authenticator app, too.</p>
{problem}
<form method="post" action="/login">{hidden}
<button class="main" name="approve" value="1" autofocus>Approve</button>
<button class="other" name="deny" value="1">Deny</button>
</form>
"""
    + _CANCEL
)
_CONSENT = """\
<h1>{title}</h1>
<p>{app} asks {upn} for permission to:</p>
{problem}
<ul class="plain">
{rows}</ul>
<form method="post" action="/login">{hidden}
{everybody}<button class="main" name="accept" value="1">Accept</button>
<button class="other" name="cancel" value="1">Cancel</button>
</form>"""
_FOR_ALL = """\
<label class="check"><input type="checkbox" name="organization" value="1">
Consent on behalf of your organization</label>
"""
_NEED_ADMIN = """\
<h1>{title}</h1>
{problem}
<p>{app} needs permissions that only an administrator can grant. Ask one, or let another account
than {upn} sign in.</p>
<ul class="plain">
{rows}</ul>
<form method="post" action="/login">{hidden}
<button class="main" name="back" value="1">Sign in with another account</button>
<button class="other" name="cancel" value="1">Return to the application</button>
</form>"""
_DEVICE = """\
<h1>{title}</h1>
<p>Enter the code that your app or device shows.</p>
{problem}
<form method="post" action="/devicelogin">{hidden}
<label for="code">Code</label>
<input id="code" name="user_code" type="text" autocomplete="off" autocapitalize="characters"
 spellcheck="false" maxlength="20" required autofocus{described}>
<button class="main">Next</button>
</form>"""
_CONFIRM = """\
<h1>{title}</h1>
{problem}
<p>Continue only if you started to sign in to {app} on a device of yours.</p>
<form method="post" action="/login">{hidden}
<button class="main" name="continue" value="1">Continue</button>
<button class="other" name="cancel" value="1">Cancel</button>
</form>"""
_REFUSED = """\
<h1>Sorry, but we're having trouble signing you in</h1>
<p class="problem" role="alert">{text}</p>
<dl>
<dt>Correlation ID</dt><dd>{correlation}</dd>
<dt>Trace ID</dt><dd>{trace}</dd>
<dt>Timestamp</dt><dd>{timestamp}</dd>
</dl>"""
