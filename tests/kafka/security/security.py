#!/usr/bin/env python3
"""Every kind of connection that a broker offers: TLS, SASL, and both, with every mechanism, configured with Java's keys.

A client per kind does all that an application does with a broker, all of them at once. A wrong password and a certificate
that nobody vouches for are told, to our membership client and to librdkafka, and no message holds a password.

librdkafka before 2.6.1 repeats the nonce in SCRAM's last message, and brokers since Kafka 3.7.2 refuse that: with such a
librdkafka only the membership client goes the SCRAM ways, and for the data the refusal must be told.

usage: security.py SECURE_CLIENT [--keep]
Status 77: no JDK, or no Maven to bring Kafka's jars.
"""
import argparse
import ctypes
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "harness"))
from kafka_harness import SKIPPED, Harness, check  # noqa: E402

END_SECONDS = 120  # only a hang takes so long
USER, PASSWORD, WRONG_PASSWORD = "alice", "alice-has-a-secret", "not-her-secret"
STORE_PASSWORD = "key-store-password"
MODULES = {"PLAIN": "org.apache.kafka.common.security.plain.PlainLoginModule",
           "SCRAM-SHA-256": "org.apache.kafka.common.security.scram.ScramLoginModule",
           "SCRAM-SHA-512": "org.apache.kafka.common.security.scram.ScramLoginModule"}
DATA_SCRAM_SINCE = (2, 6, 1)  # librdkafka's version
WAYS = [("SSL", None), *((protocol, mechanism) for protocol in ("SASL_PLAINTEXT", "SASL_SSL") for mechanism in MODULES)]


def make_keys(directory):
    """A key store for the broker, and its certificate for the clients."""
    if shutil.which("keytool") is None:
        print("#" * 78 + "\n## SKIPPED: there is no keytool, which a JDK brings.\n" + "#" * 78, flush=True)
        sys.exit(SKIPPED)
    store, certificate = os.path.join(directory, "broker.p12"), os.path.join(directory, "broker.pem")
    common = ["-keystore", store, "-storepass", STORE_PASSWORD, "-alias", "broker"]
    for command in (["-genkeypair", *common, "-keyalg", "EC", "-dname", "CN=localhost", "-validity", "2",
                     "-ext", "san=ip:127.0.0.1,dns:localhost", "-storetype", "PKCS12"],
                    ["-exportcert", *common, "-rfc", "-file", certificate]):
        subprocess.run(["keytool", *command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return store


def broker_arguments(directory):
    settings = {"ssl.keystore.location": make_keys(directory), "ssl.keystore.type": "PKCS12",
                "ssl.keystore.password": STORE_PASSWORD, "sasl.enabled.mechanisms": ",".join(MODULES)}
    for listener in ("sasl_plaintext", "sasl_ssl"):
        settings[f"listener.name.{listener}.plain.sasl.jaas.config"] = (
            f'{MODULES["PLAIN"]} required username="broker" password="unused" user_{USER}="{PASSWORD}";')
        for mechanism in ("scram-sha-256", "scram-sha-512"):
            settings[f"listener.name.{listener}.{mechanism}.sasl.jaas.config"] = f'{MODULES["SCRAM-SHA-256"]} required;'
    arguments = ["--listener", "SSL", "--listener", "SASL_PLAINTEXT", "--listener", "SASL_SSL", "--scram", f"{USER}:{PASSWORD}"]
    return arguments + [argument for key, value in settings.items() for argument in ("--set", f"{key}={value}")]


def spawn(harness, program, name, way, part=(), password=PASSWORD, trusted=True):
    """A client on its way."""
    protocol, mechanism = way
    config = {"application.id": name, "client.id": name, "bootstrap.servers": harness.listeners[protocol],
              "security.protocol": protocol}
    if protocol.endswith("SSL") and trusted:
        config.update({"ssl.truststore.location": os.path.join(harness.directory, "broker.pem"), "ssl.truststore.type": "PEM"})
    if mechanism:
        config.update({"sasl.mechanism": mechanism,
                       "sasl.jaas.config": f'{MODULES[mechanism]} required username="{USER}" password="{password}";'})
    return harness.spawn(name, [program, harness.file(name + ".properties", config), *part])


def librdkafka_version():
    number = ctypes.CDLL("librdkafka.so.1").rd_kafka_version()
    return number >> 24 & 0xFF, number >> 16 & 0xFF, number >> 8 & 0xFF


def succeeds(child, word):
    check(child.wait(END_SECONDS) == 0 and child.said(word), f"{child.name} did not say \"{word}\"")


def is_refused(child, word):
    status = child.wait(END_SECONDS)
    reasons = [line for line in child.lines() if line.startswith("failed: ")]
    check(status == 1 and reasons, f"{child.name} was not refused")
    child.harness.say(f"{child.name}: {reasons[0]}")
    check(word in reasons[0].lower(), f"{child.name}: the sentence does not hold \"{word}\"")


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("client")
    parser.add_argument("--keep", action="store_true")
    arguments = parser.parse_args()
    program = os.path.abspath(arguments.client)
    with Harness("security", broker_arguments, keep=arguments.keep) as harness:
        with harness.connect() as connection:
            connection.create_topics([("secrets", 1, {})])
        expected = []
        for way in WAYS:
            name = "-".join(filter(None, way)).lower()
            refused = (way[1] or "").startswith("SCRAM") and librdkafka_version() < DATA_SCRAM_SINCE
            child = spawn(harness, program, name, way, ["--refused"] if refused else [])
            if refused:
                expected.append(lambda child=child: (is_refused(child, "authentication"), check(child.said("joined"), child.name)))
            else:
                expected.append(lambda child=child: succeeds(child, "committed and read"))
        for part in ("join", "look-up"):
            for mechanism in ("PLAIN", "SCRAM-SHA-256"):
                child = spawn(harness, program, f"{part}-wrong-{mechanism}".lower(), ("SASL_PLAINTEXT", mechanism), [part, "--refused"],
                              password=WRONG_PASSWORD)
                expected.append(lambda child=child: is_refused(child, "authentication"))
            child = spawn(harness, program, f"{part}-untrusted", ("SSL", None), [part, "--refused"], trusted=False)
            expected.append(lambda child=child: is_refused(child, "certificate"))
        for holds in expected:
            holds()
        for child in harness.children:
            for secret in (PASSWORD, WRONG_PASSWORD):
                check(not child.said(secret), f"{child.name} has a password in its log")
        harness.say(f"PASSED: {len(WAYS)} kinds of connection, {len(expected) - len(WAYS)} refusals")


if __name__ == "__main__":
    main()
