"""The device flow (RFC 8628): a code here, a sign-in there, polls in between."""

import pytest

GRANT = "urn:ietf:params:oauth:grant-type:device_code"


@pytest.fixture
def device(entra, sample, http):
    class Device:
        async def start(self, **changed):
            fields = {
                "client_id": sample.spa.client_id,
                "scope": f"openid offline_access {sample.api.scope('access_as_user')}",
                **changed,
            }
            sent = {name: value for name, value in fields.items() if value is not None}
            return await http.post(f"{entra.authority()}/oauth2/v2.0/devicecode", data=sent)

        async def poll(self, started, client=sample.spa):
            fields = {
                "grant_type": GRANT,
                "client_id": client.client_id,
                "device_code": started["device_code"],
            }
            return await http.post(entra.token_endpoint(), data=fields)

    return Device()


async def enter(browser, started, code=None):
    page = await browser.open(started["verification_uri"])
    return await browser.press(page, "Next", user_code=code or started["user_code"])


async def test_a_user_signs_in_for_a_device(device, browser, entra, sample):
    started = (await device.start()).json()
    pending = await device.poll(started)

    page = await enter(browser, started)
    assert page.title == "Are you trying to sign in?"
    page = await browser.press(page, "Continue")
    page = await browser.press(page, "alice")
    assert page.title == "You have signed in"
    body = (await device.poll(started)).json()

    assert (pending.status_code, pending.json()["error"]) == (400, "authorization_pending")
    assert entra.recognize(body["access_token"])["oid"] == sample.alice.oid
    assert body["refresh_token"]
    assert body["id_token"]
    assert started["user_code"] in started["message"]
    assert (started["expires_in"], started["interval"]) == (900, 5)


async def test_a_code_is_found_as_people_type_it(device, browser):
    started = (await device.start()).json()
    typed = f" {started['user_code'][:4].lower()}-{started['user_code'][4:]} "

    assert (await enter(browser, started, typed)).title == "Are you trying to sign in?"


async def test_a_wrong_code_is_told(device, browser):
    page = await enter(browser, (await device.start()).json(), "WRONG")

    assert page.title == "Enter code"
    assert "AADSTS70018" in page.response.text


async def test_who_polls_too_often_is_slowed_down(device, clock):
    started = (await device.start()).json()

    errors = []
    for wait in (0, 4, 9, 10):
        clock.advance(wait)
        errors.append((await device.poll(started)).json()["error"])

    assert errors == [
        *("authorization_pending", "slow_down", "slow_down", "slow_down"),
    ]


async def test_who_waits_long_enough_is_not_slowed_down(device, clock):
    started = (await device.start()).json()

    for _ in range(3):
        assert (await device.poll(started)).json()["error"] == "authorization_pending"
        clock.advance(5)


async def test_a_device_code_ends(device, clock, browser):
    started = (await device.start()).json()
    clock.advance(900)

    assert (await device.poll(started)).json()["error"] == "expired_token"
    assert "AADSTS70018" in (await enter(browser, started)).response.text


@pytest.mark.parametrize("when", ["at once", "at the account"])
async def test_a_user_declines(device, browser, when):
    started = (await device.start()).json()

    page = await enter(browser, started)
    if when == "at the account":
        page = await browser.press(page, "Continue")
    await browser.press(page, "Cancel")

    assert (await device.poll(started)).json()["error"] == "authorization_declined"
    assert "AADSTS70018" in (await enter(browser, started)).response.text


async def test_a_device_code_is_used_once_and_by_its_client(device, browser, entra):
    started = (await device.start()).json()
    await browser.press(await browser.press(await enter(browser, started), "Continue"), "alice")

    stolen = await device.poll(started, client=entra.public_client)
    first = await device.poll(started)
    second = await device.poll(started)

    assert stolen.json()["error"] == second.json()["error"] == "bad_verification_code"
    assert first.status_code == 200


async def test_a_user_consents_for_a_device(device, browser, entra, sample):
    entra.revoke_consent(client=sample.spa, resource=sample.api)
    started = (await device.start()).json()

    page = await browser.press(
        await browser.press(await enter(browser, started), "Continue"), "bob"
    )
    assert page.title == "Permissions requested"
    await browser.press(page, "Accept")

    assert (await device.poll(started)).status_code == 200


async def test_the_first_of_two_browsers_decides(device, browser, entra, sample):
    started = (await device.start()).json()
    first = await browser.press(await enter(browser, started), "Continue")
    second = await browser.press(await enter(browser, started), "Continue")

    await browser.press(first, "alice")
    await browser.press(second, "bob")
    body = (await device.poll(started)).json()

    assert entra.recognize(body["access_token"])["oid"] == sample.alice.oid


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"client_id": None}, 900144),
        ({"scope": None}, 900144),
        ({"client_id": "nobody"}, 700016),
    ],
)
async def test_a_bad_start_is_refused(device, fields, code):
    refused = await device.start(**fields)

    assert refused.json()["error_codes"] == [code]


async def test_claims_that_are_not_json_are_told_at_the_start(device):
    assert (await device.start(claims="{")).json()["error_codes"] == [9002313]


async def test_a_client_with_a_secret_is_not_for_devices(device, browser, entra, sample, http):
    entra.consent(client=sample.api, resource=sample.partner)
    started = (await device.start(client_id=sample.api.client_id, scope="User.Read")).json()

    refused = await device.poll(started, client=sample.api)

    assert refused.json()["error_codes"] == [7000218]


async def test_a_device_code_is_for_the_tenant_where_its_user_is(entra, http, browser):
    fabrikam = entra.add_tenant("fabrikam")
    amy = entra.add_user("amy")
    client = entra.public_client
    fields = {"client_id": client.client_id, "scope": "openid"}
    url = f"{entra.authority('organizations')}/oauth2/v2.0"
    started = (await http.post(f"{url}/devicecode", data=fields)).json()
    entra.sign_in_device(amy, started["user_code"])
    poll = fields | {"grant_type": GRANT, "device_code": started["device_code"]}

    elsewhere = await http.post(entra.token_endpoint(fabrikam), data=poll)

    assert elsewhere.json()["error_codes"] == [700005]
    assert (await http.post(entra.token_endpoint("organizations"), data=poll)).status_code == 200
