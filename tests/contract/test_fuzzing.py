"""Whatever is sent to the catalog, it answers as its description says, and never with an internal error."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from tests.contract.conftest import running_catalog

from understage.catalog.http import operations
from understage.catalog.http.operations import Operation
from understage.testing import TestBackend, mock_credentials
from understage.testing.databases import DATABASE_IDS

IDS = [one.id for one in vars(operations).values() if isinstance(one, Operation) and one.is_documented]
EXAMPLES = 20
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
REPEATABLE = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)


@pytest.fixture(scope="module", params=DATABASE_IDS)
async def listening(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[TestBackend]:
    async with running_catalog(tmp_path_factory.mktemp("entities"), request.param, listen=True) as backend:
        yield backend


# The backend draws random numbers in its own thread meanwhile, which Hypothesis takes for the strategies' doing.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: str(mode.value))
@pytest.mark.parametrize("operation_id", IDS)
async def test_it_answers_as_described(listening: TestBackend, operation_id: str, mode: GenerationMode) -> None:
    """K13, K22, K30: any request, well-formed or not, is answered by a described status with a described body."""
    document = (await listening.client.get("/api/catalog/openapi.json")).json()
    operation: Any = schemathesis.openapi.from_dict(document).find_operation_by_id(operation_id)
    base_url = listening.url

    @REPEATABLE
    @given(operation.as_strategy(generation_mode=mode))
    def send(case: Any) -> None:
        case.validate_response(case.call(base_url=base_url, headers=mock_credentials.user.header()), checks=CHECKS)

    await asyncio.to_thread(send)
