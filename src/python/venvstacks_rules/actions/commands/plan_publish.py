"""Asks a repository what it lacks of a publication (``plan-publish``)."""

from __future__ import annotations

from venvstacks_rules.actions.network.settings import use_network_settings
from venvstacks_rules.model.json_codec import from_json
from venvstacks_rules.model.publishing.plan import PublishPlan
from venvstacks_rules.model.requests.publish import PlanPublishRequest
from venvstacks_rules.repository.publishing.planning import planned
from venvstacks_rules.repository.publishing.publication import Publication
from venvstacks_rules.repository.reading.repository import Repository
from venvstacks_rules.repository.stores.opened import opened


def run(request_text: str) -> PublishPlan:
    """Make the plan of a PlanPublishRequest.

    Raises StoreError if the repository cannot be reached, and RepositoryError if it is damaged or
    has another content under the same version.
    """
    request = from_json(PlanPublishRequest, request_text)
    use_network_settings(request.network)
    publication = Publication.read(request.files)
    store = opened(request.repository)
    try:
        return planned(publication, Repository(store), thorough=request.thorough)
    finally:
        store.close()
