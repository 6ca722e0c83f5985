"""Settings of the operator's way in: OSC commands."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from pydantic import Field, field_validator, model_validator

from streammood.config.base import Strict, Text, osc_prefix, shown


class ControlSettings(Strict):
    """Where commands are listened for, and whose."""

    enabled: bool = True
    host: Text = Field("127.0.0.1", min_length=1)
    port: int = Field(7071, ge=0, le=65_535)
    prefix: Text = "/streammood"
    allow: tuple[str, ...] = ()
    reply_port: int | None = Field(None, ge=1, le=65_535)

    @field_validator("prefix")
    @classmethod
    def _prefix(cls, value: str) -> str:
        return osc_prefix(value)

    @field_validator("allow")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            try:
                ip_network(text, strict=False)
            except ValueError:
                raise ValueError(
                    f"must list addresses or networks such as 192.168.1.20 or 192.168.1.0/24, got {shown(text)}"
                ) from None
        return value

    @model_validator(mode="after")
    def _reachable(self) -> ControlSettings:
        if self.allow and self.loopback:
            raise ValueError(
                f"allow names other machines, but host {self.host} is open to this one alone; "
                "set control.host to 0.0.0.0"
            )
        return self

    @model_validator(mode="after")
    def _no_answer_to_itself(self) -> ControlSettings:
        if self.reply_port is not None and self.reply_port == self.port:
            raise ValueError(
                f"reply_port must be another port than port ({self.port}), or it would get its own answers"
            )
        return self

    @property
    def loopback(self) -> bool:
        """Whether only programs on this machine can reach the port."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"
