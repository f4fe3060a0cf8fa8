"""What the API answers with, and what it gets from downstream."""

from pydantic import BaseModel, Field


class UserData(BaseModel):
    name: str
    tenant_id: str = Field(alias="tenantId")


class DataRequest(BaseModel):
    items: list[str]


class ProcessResult(BaseModel):
    accepted: int


class User(BaseModel):
    display_name: str = Field(alias="displayName")


class Data(BaseModel):
    rows: list[str]


class Settings(BaseModel):
    theme: str


class Dashboard(BaseModel):
    user: User
    data: Data
    settings: Settings
