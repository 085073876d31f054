//! `compose.yaml`: every name it uses exists, and the bridge's settings are settings.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::{checkout, text};

#[derive(Deserialize)]
struct Compose {
    services: BTreeMap<String, Service>,
    secrets: BTreeMap<String, Secret>,
    volumes: BTreeMap<String, Option<BTreeMap<String, String>>>,
}

#[derive(Deserialize)]
struct Service {
    image: String,
    #[serde(default)]
    build: Option<Build>,
    #[serde(default)]
    environment: BTreeMap<String, String>,
    #[serde(default)]
    secrets: Vec<String>,
    #[serde(default)]
    volumes: Vec<String>,
    #[serde(default)]
    ports: Vec<String>,
    #[serde(default)]
    depends_on: BTreeMap<String, Dependency>,
    #[serde(default)]
    healthcheck: Option<BTreeMap<String, serde_json::Value>>,
    #[serde(default)]
    read_only: bool,
}

#[derive(Deserialize)]
struct Build {
    context: String,
    dockerfile: String,
}

#[derive(Deserialize)]
struct Dependency {
    condition: String,
}

#[derive(Deserialize)]
struct Secret {
    environment: String,
}

fn compose() -> Compose {
    serde_saphyr::from_str(&text("deploy/compose.yaml")).expect("compose.yaml is valid")
}

#[test]
fn the_three_services_are_nats_a_gateway_and_the_bridge() {
    let compose = compose();
    let images: Vec<_> = compose.services.values().map(|service| service.image.as_str()).collect();
    assert!(images.iter().any(|image| image.starts_with("nats:2.")), "{images:?}");
    assert!(images.iter().any(|image| image.contains("ib-gateway")), "{images:?}");
    assert!(compose.services["ibnats"].read_only);
}

#[test]
fn every_file_volume_secret_and_service_that_compose_names_exists() {
    let compose = compose();
    for (name, service) in &compose.services {
        for volume in &service.volumes {
            let (source, _) = volume.split_once(':').expect("source:target");
            match source.strip_prefix("./") {
                Some(file) => assert!(checkout("deploy").join(file).is_file(), "{name} mounts {file}"),
                None => assert!(compose.volumes.contains_key(source), "{name} uses volume {source}"),
            }
        }
        for secret in &service.secrets {
            assert!(compose.secrets.contains_key(secret), "{name} uses secret {secret}");
        }
        for value in service.environment.values() {
            if let Some(secret) = value.strip_prefix("/run/secrets/") {
                assert!(service.secrets.iter().any(|granted| granted == secret), "{name} reads {value}");
            }
        }
        for (other, dependency) in &service.depends_on {
            let other = compose.services.get(other).unwrap_or_else(|| panic!("{name} waits for {other}"));
            assert!(dependency.condition != "service_healthy" || other.healthcheck.is_some());
        }
        if let Some(build) = &service.build {
            assert!(checkout("deploy").join(&build.context).join(&build.dockerfile).is_file());
        }
    }
}

#[test]
fn no_port_is_open_to_other_machines() {
    for (name, service) in compose().services {
        for port in &service.ports {
            assert!(port.starts_with("127.0.0.1:"), "{name} publishes {port}");
        }
    }
}

#[test]
fn every_variable_without_a_default_is_in_the_example_environment() {
    let compose_text = text("deploy/compose.yaml");
    let required = regex::Regex::new(r"\$\{([A-Z_]+)(?::\?[^}]*)?\}").unwrap();
    let mut wanted: BTreeSet<String> = required.captures_iter(&compose_text).map(|found| found[1].to_owned()).collect();
    wanted.extend(compose().secrets.into_values().map(|secret| secret.environment));
    let example = text("deploy/env.example");
    let given: BTreeSet<String> =
        example.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name.to_owned()).collect();
    let missing: Vec<_> = wanted.difference(&given).collect();
    assert!(missing.is_empty(), "not in env.example: {missing:?}");
}

#[test]
fn nats_gets_every_password_its_configuration_asks_for() {
    let asked = regex::Regex::new(r"password: \$([A-Z_]+)").unwrap();
    let configuration = text("deploy/nats-server.conf");
    let nats = &compose().services["nats"].environment;
    let asked: Vec<_> = asked.captures_iter(&configuration).map(|found| found[1].to_owned()).collect();
    assert_eq!(asked.len(), 4);
    for name in asked {
        assert!(nats.contains_key(&name), "{name}");
    }
}

/// The configuration that the bridge makes of an environment.
pub(crate) fn configured_by(environment: &BTreeMap<String, String>) -> ibnats::config::Config {
    let mut lines: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in environment {
        let (section, key) = name.strip_prefix("IBNATS_").unwrap().split_once("__").expect("IBNATS_SECTION__KEY");
        let value = value.rsplit_once(":-").map_or(value.as_str(), |(_, default)| default.trim_end_matches('}'));
        let value = if value.parse::<i64>().is_ok() { value.to_owned() } else { format!("{value:?}") };
        let section = section.to_lowercase();
        let section = lines.entry(section.clone()).or_insert_with(|| vec![format!("[{section}]")]);
        section.push(format!("{} = {value}", key.to_lowercase()));
    }
    let as_file = lines.into_values().flatten().collect::<Vec<_>>().join("\n");
    ibnats::config::load_text(&as_file).expect("known keys, right types")
}

#[test]
fn the_environment_given_to_the_bridge_is_valid_configuration() {
    assert_eq!(configured_by(&compose().services["ibnats"].environment).gateway.host, "ib-gateway");
}
