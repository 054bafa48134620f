"""Salesforce keeps the contract of every CRM target."""

from __future__ import annotations

import pytest

from tests.contracts.target_contract import Crm, TargetContract
from tests.salesforce.conftest import OWNER, Org


class TestSalesforce(TargetContract):
    @pytest.fixture
    def crm(self, org: Org) -> Crm:
        org.owner()
        return Crm(
            org.target(),
            campaign=org.campaign(),
            status="Sent",
            better="Responded",
            owner_email=OWNER,
            missing=org.gone,
            connect=org.target,
        )
