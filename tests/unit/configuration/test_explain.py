from msidweb.configuration import Entry, MicrosoftIdentityOptions, explain


def test_every_value_is_shown_with_its_origin(configured):
    section = configured(
        '{"AzureAd": {"Instance": "https://login.microsoftonline.com/", "TenantId": "file",'
        ' "CallbackPath": "/x", "Audiences": ["a", "b"], "ClientId": null,'
        ' "TokenValidationParameters": {"ClockSkew": 60}}}',
        overlay='{"AzureAd": {"Audiences": ["c"]}}',
        environ={"AZUREAD__CLIENTSECRET": "s", "AZURE_CLIENT_ID": "sdk"},
    ).section("AzureAd")
    entries = explain(
        MicrosoftIdentityOptions, section, overrides={"tenant_id": "keyword"}, place="AzureAd"
    )
    file = "appsettings.json: "
    assert {entry.path: entry for entry in entries} == {
        entry.path: entry
        for entry in (
            Entry("ClientId", "environment variable AZURE_CLIENT_ID", "sdk"),
            Entry("tenant_id", "keyword tenant_id", "keyword"),
            Entry(
                "AzureAd:Instance",
                f"{file}AzureAd:Instance",
                "https://login.microsoftonline.com/",
            ),
            Entry("AzureAd:CallbackPath", f"{file}AzureAd:CallbackPath", "[hidden]", used=False),
            Entry("AzureAd:Audiences:0", "appsettings.Production.json: AzureAd:Audiences:0", "c"),
            Entry("AzureAd:Audiences:1", f"{file}AzureAd:Audiences:1", "b"),
            Entry(
                "AzureAd:TokenValidationParameters:ClockSkew",
                f"{file}AzureAd:TokenValidationParameters:ClockSkew",
                "60",
            ),
            Entry("AzureAd:CLIENTSECRET", "environment variable AZUREAD__CLIENTSECRET", "[hidden]"),
        )
    }
