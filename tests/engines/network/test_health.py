"""Health and figures over real HTTP: what is told, to whom, and what a crowd or nonsense gets."""

from __future__ import annotations

import asyncio
import urllib.error
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families

from hansa.engines.network.health import Address, Health, exposed, serving
from hansa.engines.network.meters import Figure
from hansa.errors import ConfigError, DataError

JOBS = Figure("hansa_jobs", "Jobs by state.", "gauge", ("state",), {("done",): 2.0, ('a"b\\\n',): 1.0})
WORDS = Figure("hansa_words_total", "Words.", "counter", (), {(): 3.0})


def get(port, path):
    """What one asks and is answered."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


async def talk(*paths, ready=lambda: True, figures=lambda: (JOBS, WORDS)):
    async with serving(Health(Address.of("127.0.0.1:0"), ready, figures)) as port:
        return [await asyncio.to_thread(get, port, path) for path in paths]


def test_figures_are_read_as_prometheus_reads_them():
    ((code, text),) = asyncio.run(talk("/metrics"))
    assert code == 200
    assert text == exposed((JOBS, WORDS)).decode()
    found = {sample.name: sample for one in text_string_to_metric_families(text) for sample in one.samples}
    assert found["hansa_words_total"].value == 3.0
    assert {
        sample.labels["state"]
        for one in text_string_to_metric_families(text)
        for sample in one.samples[:2]
        if sample.labels
    } == {"done", 'a"b\\\n'}


def test_a_process_that_lives_may_not_be_ready():
    told = asyncio.run(talk("/healthz", "/readyz", "/readyz?a=b", "/elsewhere", ready=lambda: False))
    assert [code for code, _ in told] == [200, 503, 503, 404]
    assert asyncio.run(talk("/readyz")) == [(200, "ready\n")]


def test_figures_that_cannot_be_read_are_no_traceback():
    def broken():
        raise DataError("The store is damaged.")

    assert asyncio.run(talk("/metrics", "/healthz", figures=broken)) == [
        (503, "The figures cannot be read.\n"),
        (200, "ok\n"),
    ]


@pytest.mark.parametrize("sent", [b"POST /metrics HTTP/1.1\r\n\r\n", b"\x16\x03\x01\r\n\r\n", b"GET\r\n\r\n"])
def test_nothing_but_get_is_answered(sent):
    async def said():
        async with serving(Health(Address.of("127.0.0.1:0"), lambda: True, lambda: ())) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(sent)
            found = await reader.read()
            writer.close()
            return found

    assert asyncio.run(said()).startswith(b"HTTP/1.1 405 ")


def test_a_question_without_end_and_a_crowd_are_hung_up_while_others_are_answered():
    async def said():
        async with serving(Health(Address.of("127.0.0.1:0"), lambda: True, lambda: ())) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /" + b"a" * 20_000)
            assert await reader.read() == b""
            writer.close()
            slow = [await asyncio.open_connection("127.0.0.1", port) for _ in range(15)]
            answered = await asyncio.to_thread(get, port, "/healthz")
            crowd = [await asyncio.open_connection("127.0.0.1", port) for _ in range(5)]
            hung_up = [await one.read() for one, _ in crowd[1:]]
            for _, one in slow + crowd:
                one.close()
            return answered, hung_up

    assert asyncio.run(asyncio.wait_for(said(), 20)) == ((200, "ok\n"), [b""] * 4)


@pytest.mark.parametrize("address", ["0.0.0.0:1", "[::]:1", "10.1.2.3:9464"])
def test_other_machines_are_told_only_where_that_is_said(address):
    with pytest.raises(ConfigError, match="--health-to-others"):
        Address.of(address)
    assert Address.of(address, others=True).port in {1, 9464}


@pytest.mark.parametrize("address", ["localhost:1", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:70000", ""])
def test_what_is_no_address_is_said(address):
    with pytest.raises(ConfigError, match="no address"):
        Address.of(address)


def test_a_port_that_is_taken_is_an_error_that_names_the_mend():
    async def twice():
        async with (
            serving(Health(Address.of("127.0.0.1:0"), lambda: True, lambda: ())) as port,
            serving(Health(Address("127.0.0.1", port), lambda: True, lambda: ())),
        ):
            pass

    with pytest.raises(ConfigError, match="Name another port"):
        asyncio.run(twice())


def test_where_nothing_is_to_be_told_nobody_listens():
    async def off():
        async with serving(Health(Address.of("off"), lambda: True, lambda: ())) as port:
            return port

    assert asyncio.run(off()) == 0
