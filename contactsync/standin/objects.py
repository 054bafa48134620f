"""The objects the stand-in knows, with the fields that contact sync can meet.

Lengths, required fields, idLookup and referenceTo are those of the recorded describes (facts/salesforce.md, "Objects").
Compound fields (Address, MailingAddress) and fields that no sync touches are left out; flags of rarely met fields are
[MEM].
"""

from __future__ import annotations

from typing import Any

from contactsync.standin.fields import Field, picklist, read_only, reference, text
from contactsync.standin.objects_activities import event, event_relation
from contactsync.standin.schema import SObject

LEAD_SOURCES = ("Web", "Phone Inquiry", "Partner Referral", "Purchased List", "Other")
INDUSTRIES = ("Agriculture", "Banking", "Consulting", "Education", "Energy", "Finance", "Media", "Technology", "Other")
SALUTATIONS = ("Mr.", "Ms.", "Mrs.", "Dr.", "Prof.")


def _system(*, owner: tuple[str, ...] = ()) -> list[Field]:
    """The fields every object has, and OwnerId where records are owned."""
    made = [
        read_only("Id", "id", "Record ID", 18, nillable=False),
        read_only("IsDeleted", "boolean", "Deleted", nillable=False),
        read_only("CreatedDate", "datetime", "Created Date", nillable=False),
        reference("CreatedById", "Created By ID", ["User"], "CreatedBy", createable=False, updateable=False),
        read_only("LastModifiedDate", "datetime", "Last Modified Date", nillable=False),
        reference(
            "LastModifiedById", "Last Modified By ID", ["User"], "LastModifiedBy", createable=False, updateable=False
        ),
        read_only("SystemModstamp", "datetime", "System Modstamp", nillable=False),
    ]
    if owner:
        made.append(reference("OwnerId", "Owner ID", owner, "Owner", nillable=False, defaulted=True))
    return made


def _person_name(last_required: bool = True) -> list[Field]:
    return [
        text("LastName", "Last Name", 80, nillable=not last_required),
        text("FirstName", "First Name", 40),
        picklist("Salutation", "Salutation", SALUTATIONS, 40),
        read_only("Name", "string", "Full Name", 121, nillable=False),
    ]


def _address(prefix: str, label: str) -> list[Field]:
    lead = f"{label} " if label else ""
    return [
        Field(f"{prefix}Street", "textarea", f"{lead}Street", 255),
        text(f"{prefix}City", f"{lead}City", 40),
        text(f"{prefix}State", f"{lead}State/Province", 80),
        text(f"{prefix}PostalCode", f"{lead}Zip/Postal Code", 20),
        text(f"{prefix}Country", f"{lead}Country", 80),
    ]


def _phone(name: str, label: str) -> Field:
    return Field(name, "phone", label, 40)


def _description(length: int = 32000) -> Field:
    return Field("Description", "textarea", "Description", length, filterable=False, sortable=False)


def _email(**more: Any) -> Field:
    return Field("Email", "email", "Email", 80, **more)


def _lead() -> list[Field]:
    converted = {"createable": False, "updateable": False}
    return [
        *_system(owner=("Group", "User")),
        *_person_name(),
        text("Title", "Title", 128),
        text("Company", "Company", 255, nillable=False),
        *_address("", ""),
        _phone("Phone", "Phone"),
        _phone("MobilePhone", "Mobile Phone"),
        _phone("Fax", "Fax"),
        _email(id_lookup=True),
        Field("Website", "url", "Website", 255),
        _description(),
        picklist("LeadSource", "Lead Source", LEAD_SOURCES),
        picklist(
            "Status",
            "Status",
            ("Open - Not Contacted", "Working - Contacted", "Closed - Converted", "Closed - Not Converted"),
            nillable=False,
            defaulted=True,
            default="Open - Not Contacted",
        ),
        picklist("Industry", "Industry", INDUSTRIES),
        picklist("Rating", "Rating", ("Hot", "Warm", "Cold")),
        Field("AnnualRevenue", "currency", "Annual Revenue"),
        Field("NumberOfEmployees", "int", "Employees"),
        Field("HasOptedOutOfEmail", "boolean", "Email Opt Out", nillable=False, defaulted=True, default=False),
        Field("DoNotCall", "boolean", "Do Not Call", nillable=False, defaulted=True, default=False),
        Field("IsConverted", "boolean", "Converted", updateable=False, nillable=False, defaulted=True, default=False),
        read_only("ConvertedDate", "date", "Converted Date"),
        reference("ConvertedAccountId", "Converted Account ID", ["Account"], "ConvertedAccount", **converted),
        reference("ConvertedContactId", "Converted Contact ID", ["Contact"], "ConvertedContact", **converted),
        read_only("ConvertedOpportunityId", "reference", "Converted Opportunity ID", 18, reference_to=("Opportunity",)),
        Field("IsUnreadByOwner", "boolean", "Unread By Owner", nillable=False, defaulted=True, default=True),
        reference("MasterRecordId", "Master Record ID", ["Lead"], "MasterRecord", **converted),
    ]


def _contact() -> list[Field]:
    return [
        *_system(owner=("User",)),
        *_person_name(),
        reference("AccountId", "Account ID", ["Account"], "Account"),
        text("Title", "Title", 128),
        text("Department", "Department", 80),
        *_address("Mailing", "Mailing"),
        *_address("Other", "Other"),
        _phone("Phone", "Business Phone"),
        _phone("MobilePhone", "Mobile Phone"),
        _phone("HomePhone", "Home Phone"),
        _phone("OtherPhone", "Other Phone"),
        _phone("Fax", "Business Fax"),
        _email(id_lookup=True),
        _description(),
        picklist("LeadSource", "Lead Source", LEAD_SOURCES),
        Field("Birthdate", "date", "Birthdate"),
        text("AssistantName", "Assistant's Name", 40),
        _phone("AssistantPhone", "Asst. Phone"),
        reference("ReportsToId", "Reports To ID", ["Contact"], "ReportsTo"),
        Field("HasOptedOutOfEmail", "boolean", "Email Opt Out", nillable=False, defaulted=True, default=False),
        Field("DoNotCall", "boolean", "Do Not Call", nillable=False, defaulted=True, default=False),
        reference(
            "MasterRecordId", "Master Record ID", ["Contact"], "MasterRecord", createable=False, updateable=False
        ),
    ]


def _account() -> list[Field]:
    return [
        *_system(owner=("User",)),
        text("Name", "Account Name", 255, nillable=False),  # recorded: Account.Name is not an idLookup field
        picklist("Type", "Account Type", ("Prospect", "Customer - Direct", "Customer - Channel", "Other"), 40),
        reference("ParentId", "Parent Account ID", ["Account"], "Parent"),
        *_address("Billing", "Billing"),
        *_address("Shipping", "Shipping"),
        _phone("Phone", "Account Phone"),
        _phone("Fax", "Account Fax"),
        text("AccountNumber", "Account Number", 40),
        Field("Website", "url", "Website", 255),
        picklist("Industry", "Industry", INDUSTRIES, 40),
        Field("AnnualRevenue", "currency", "Annual Revenue"),
        Field("NumberOfEmployees", "int", "Employees"),
        picklist("Rating", "Account Rating", ("Hot", "Warm", "Cold"), 40),
        _description(),
        reference(
            "MasterRecordId", "Master Record ID", ["Account"], "MasterRecord", createable=False, updateable=False
        ),
    ]


def _campaign() -> list[Field]:
    return [
        *_system(owner=("User",)),
        text("Name", "Name", 80, nillable=False),
        reference("ParentId", "Parent Campaign ID", ["Campaign"], "Parent"),
        picklist("Type", "Type", ("Conference", "Webinar", "Trade Show", "Email", "Other"), 40),
        picklist("Status", "Status", ("Planned", "In Progress", "Completed", "Aborted"), 40, default="Planned"),
        Field("StartDate", "date", "Start Date"),
        Field("EndDate", "date", "End Date"),
        Field("IsActive", "boolean", "Active", nillable=False, defaulted=True, default=False),
        Field("BudgetedCost", "currency", "Budgeted Cost in Campaign"),
        Field("ExpectedRevenue", "currency", "Expected Revenue in Campaign"),
        _description(),
    ]


def _campaign_member() -> list[Field]:
    # Ids are create-only, HasResponded is derived, and the person's fields are mirrored, filterable and read-only
    # [DOC object reference, CampaignMember]. CampaignMember has no OwnerId.
    mirrored = [
        read_only(name, kind, label, length)
        for name, kind, label, length in (
            ("Name", "string", "Full Name", 121),
            ("FirstName", "string", "First Name", 40),
            ("LastName", "string", "Last Name", 80),
            ("Title", "string", "Title", 128),
            ("Email", "email", "Email", 80),
            ("Phone", "phone", "Phone", 40),
            ("MobilePhone", "phone", "Mobile", 40),
            ("CompanyOrAccount", "string", "Company", 255),
            ("Type", "string", "Type", 40),
        )
    ]
    create_only = {"updateable": False}
    return [
        *_system(),
        reference("CampaignId", "Campaign ID", ["Campaign"], "Campaign", nillable=False, **create_only),
        reference("LeadId", "Lead ID", ["Lead"], "Lead", **create_only),
        reference("ContactId", "Contact ID", ["Contact"], "Contact", **create_only),
        picklist("Status", "Status", ("Sent", "Responded"), 40),
        read_only("HasResponded", "boolean", "Responded", nillable=False),
        read_only("FirstRespondedDate", "date", "First Responded Date"),
        read_only("LeadOrContactId", "reference", "Related Record ID", 18, reference_to=("Lead", "Contact")),
        *mirrored,
    ]


def _campaign_member_status() -> list[Field]:
    return [
        *_system(),
        # CampaignId is a plain id here, with no relationship to walk [MEM].
        reference("CampaignId", "Campaign ID", ["Campaign"], None, nillable=False, updateable=False),
        text("Label", "Label", 765, nillable=False),
        Field("SortOrder", "int", "Sort Order", nillable=True),
        Field("IsDefault", "boolean", "Is Default", nillable=False, defaulted=True, default=False),
        Field("HasResponded", "boolean", "Responded", nillable=False, defaulted=True, default=False),
    ]


def _user() -> list[Field]:
    return [
        *_system(),
        text("Username", "Username", 80, nillable=False, id_lookup=True, unique=True),
        *_person_name(),
        # Email finds users but is not unique: two system users share one address in a recorded org.
        _email(nillable=False, id_lookup=True),
        text("Alias", "Alias", 8),
        text("Title", "Title", 80),
        _phone("Phone", "Phone"),
        Field("IsActive", "boolean", "Active", nillable=False, defaulted=True, default=True),
        picklist(
            "UserType",
            "User Type",
            ("Standard", "PowerPartner", "CspLitePortal", "AutomatedProcess", "CloudIntegrationUser", "Guest"),
            40,
            default="Standard",
            restricted=True,
        ),
    ]


def _group() -> list[Field]:
    return [
        *_system(),
        text("Name", "Name", 40, nillable=False),
        picklist("Type", "Type", ("Regular", "Queue"), 40, default="Queue", restricted=True),
        _email(),
    ]


def standard_objects() -> list[SObject]:
    """Fresh copies of all objects, for one org."""

    def made(name: str, label: str, fields: list[Field]) -> SObject:
        return SObject(name, label, {found.name: found for found in fields})

    return [
        made("Account", "Account", _account()),
        made("Campaign", "Campaign", _campaign()),
        made("CampaignMember", "Campaign Member", _campaign_member()),
        made("CampaignMemberStatus", "Campaign Member Status", _campaign_member_status()),
        made("Contact", "Contact", _contact()),
        made("Event", "Event", event(_system, _description())),
        made("EventRelation", "Event Relation", event_relation(_system)),
        made("Group", "Group", _group()),
        made("Lead", "Lead", _lead()),
        made("User", "User", _user()),
    ]
