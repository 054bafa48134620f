"""What an administrator changes in an org overnight: fields, picklists, rules, permissions, users.

Every door takes JSON and answers what is now so; GET shows it, DELETE of the rules drops them all.

```
POST fields            {"object": "Lead", "fields": [{"name": "Title", "required": true, "length": 40}], "remove": ["Fax"]}
POST picklists         {"object": "Lead", "field": "LeadSource", "add": ["Fair"], "remove": ["Web"], "restricted": true}
POST duplicate_rules   {"object": "Lead", "fields": ["LastName", "Company"], "action": "block", "against": ["Lead", "Contact"]}
POST validation_rules  {"object": "Lead", "field": "Phone", "wrong_when": "blank", "message": "Phone, please"}
POST permissions       {"object": "Lead", "create": false, "edit": true, "delete": false, "read": true}
POST users             {"email": "sam@standin.example", "active": false}
```
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from contactsync.standin.duplicates import read_rule
from contactsync.standin.org import Org
from contactsync.standin.validations import read_validation

Body = dict[str, Any]
Route = Callable[[Body], object]
RIGHTS = ("read", "create", "edit", "delete")


class OrgChanges:
    """The doors of this module. Call under the org's lock."""

    def __init__(self, org: Org) -> None:
        self.org = org

    def routes(self) -> Mapping[tuple[str, str], Route]:
        """The doors by method and name."""
        return {
            ("POST", "fields"): self.fields,
            ("POST", "picklists"): self.picklists,
            ("GET", "duplicate_rules"): lambda _: self._shown(self.org.duplicate_rules),
            ("POST", "duplicate_rules"): self.duplicate_rules,
            ("DELETE", "duplicate_rules"): lambda _: self.org.duplicate_rules.clear(),
            ("GET", "validation_rules"): lambda _: self._shown(self.org.validation_rules),
            ("POST", "validation_rules"): self.validation_rules,
            ("DELETE", "validation_rules"): lambda _: self.org.validation_rules.clear(),
            ("POST", "permissions"): self.permissions,
            ("POST", "users"): self.users,
        }

    def fields(self, body: Body) -> object:
        """A field that exists gets the flags given; a removed one is as invisible as field-level security makes it.

        A field that was removed comes back when it is named among `fields` again.
        """
        made = [self.org.schema.set_field(body["object"], spec) for spec in body.get("fields", ())]
        for name in body.get("remove", ()):
            self.org.schema.remove_field(body["object"], name)
        return {"fields": [field.as_describe() for field in made]}

    def picklists(self, body: Body) -> object:
        """Values that come and go; records keep a value that went, as in Salesforce."""
        field = self.org.schema.objects[body["object"]].find(body["field"])
        gone = {str(value).lower() for value in body.get("remove", ())}
        values = [value for value in field.picklist if value.lower() not in gone]
        values += [value for value in body.get("add", ()) if value not in values]
        spec = {"name": field.name, "picklist": values, "restricted": body.get("restricted", field.restricted)}
        return {"field": self.org.schema.set_field(body["object"], spec).as_describe()}

    def duplicate_rules(self, body: object) -> object:
        """One rule, or a list of them, beside those that are there."""
        self.org.duplicate_rules += [read_rule(self.org, given) for given in _listed(body)]
        return self._shown(self.org.duplicate_rules)

    def validation_rules(self, body: object) -> object:
        """One rule, or a list of them, beside those that are there."""
        self.org.validation_rules += [read_validation(self.org, given) for given in _listed(body)]
        return self._shown(self.org.validation_rules)

    def permissions(self, body: Body) -> object:
        """What the API user may do with an object; without `read` it does not even see it."""
        name = body["object"]
        rights = {key: value for key, value in body.items() if key != "object"}
        if name not in self.org.schema.objects or not set(rights) <= set(RIGHTS):
            message = f"permissions need an object that exists and some of {', '.join(RIGHTS)}"
            raise ValueError(message)
        held = {**self.org.options.permissions.get(name, {}), **rights}
        self.org.options.change({"permissions": {**self.org.options.permissions, name: held}})
        self.org.apply_options()
        return self.org.options.permissions

    def users(self, body: Body) -> object:
        """Switch the users with this `email`, `username` or `id` on or off."""
        key = next((name for name in ("id", "email", "username") if name in body), None)
        if key is None or not isinstance(body.get("active"), bool):
            message = "users takes an id, email or username, and active: true or false"
            raise ValueError(message)
        found = self.org.store.find("User", key.title(), body[key])
        if not found:
            message = f"no user with this {key}"
            raise ValueError(message)
        for user in found:
            self.org.admin_write("User", {"Id": user["Id"], "IsActive": body["active"]})
        return {"users": [user["Id"] for user in found]}

    @staticmethod
    def _shown(rules: list[Any]) -> list[Any]:
        return [rule.as_json() for rule in rules]


def _listed(body: object) -> list[object]:
    return body if isinstance(body, list) else [body]
