//! The manifests of `kubernetes/`: parsed, every name they use exists, and the programs that read them accept them.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

use serde_json::Value;

use crate::{checkout, compose, nats_server, text};

const FILES: [&str; 4] = ["namespace.yaml", "nats.yaml", "ib-gateway.yaml", "ibnats.yaml"];

fn objects() -> Vec<Value> {
    let parse = |file: &&str| -> Vec<Value> {
        serde_saphyr::from_multiple(&text(&format!("deploy/kubernetes/{file}")))
            .unwrap_or_else(|error| panic!("{file}: {error}"))
    };
    FILES.iter().flat_map(parse).collect()
}

fn of_kind(kind: &str) -> Vec<Value> {
    objects().into_iter().filter(|object| object["kind"] == kind).collect()
}

fn named(kind: &str, name: &str) -> Value {
    let found = of_kind(kind).into_iter().find(|object| object["metadata"]["name"] == name);
    found.unwrap_or_else(|| panic!("no {kind} {name}"))
}

/// Everything that makes pods.
fn workloads() -> Vec<Value> {
    [of_kind("StatefulSet"), of_kind("Deployment")].concat()
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Plain variables of a pod's only container.
fn environment(workload: &Value) -> BTreeMap<String, String> {
    let variables = list(&workload["spec"]["template"]["spec"]["containers"][0]["env"]);
    variables
        .iter()
        .filter_map(|one| Some((word(&one["name"]).to_owned(), one["value"].as_str()?.to_owned())))
        .collect()
}

#[test]
fn every_manifest_is_listed_and_every_file_of_the_list_is_there() {
    let list_of: Value = serde_saphyr::from_str(&text("deploy/kustomization.yaml")).expect("YAML");
    let listed: BTreeSet<String> = list(&list_of["resources"]).iter().map(|file| word(file).to_owned()).collect();
    assert_eq!(listed, FILES.iter().map(|file| format!("kubernetes/{file}")).collect());
    let maps: BTreeSet<String> =
        list(&list_of["configMapGenerator"]).iter().map(|map| word(&map["name"]).to_owned()).collect();
    for map in list(&list_of["configMapGenerator"]) {
        for file in list(&map["files"]) {
            assert!(checkout("deploy").join(word(&file)).is_file(), "{file}");
        }
    }
    for workload in workloads() {
        for volume in list(&workload["spec"]["template"]["spec"]["volumes"]) {
            assert!(volume["configMap"].is_null() || maps.contains(word(&volume["configMap"]["name"])), "{volume}");
        }
    }
}

#[test]
fn the_bridge_is_one_and_keeps_its_journal_for_itself() {
    let bridge = named("StatefulSet", "ibnats");
    assert_eq!(bridge["spec"]["replicas"], 1);
    let claim = &bridge["spec"]["volumeClaimTemplates"][0];
    assert_eq!(claim["spec"]["accessModes"], serde_json::json!(["ReadWriteOncePod"]));
    let mounts = list(&bridge["spec"]["template"]["spec"]["containers"][0]["volumeMounts"]);
    let place = mounts.iter().find(|mount| mount["name"] == claim["metadata"]["name"]).expect("mounted");
    assert!(environment(&bridge)["IBNATS_STATE__DIR"].starts_with(word(&place["mountPath"])));
}

#[test]
fn the_environment_of_the_bridge_is_valid_configuration_and_names_services_that_exist() {
    let config = compose::configured_by(&environment(&named("StatefulSet", "ibnats")));
    named("Service", &config.gateway.host);
    assert!(config.http.address().expect("a usable address").is_some());
    let servers = named("StatefulSet", "nats")["spec"]["replicas"].as_u64().expect("a number");
    assert_eq!(config.nats.url.split(',').count() as u64, servers);
    assert_eq!(config.nats.replicas as u64, servers);
    for url in config.nats.url.split(',') {
        let host = url.trim_start_matches("nats://").split(':').next().unwrap_or_default();
        let (pod, service) = host.split_once('.').expect("pod.service");
        named("Service", service);
        assert!(
            pod.rsplit('-').next().is_some_and(|number| number.parse::<u64>().is_ok_and(|number| number < servers))
        );
    }
}

#[test]
fn probes_ask_what_the_bridge_answers() {
    let container = named("StatefulSet", "ibnats")["spec"]["template"]["spec"]["containers"][0].clone();
    for (probe, path) in [("startupProbe", "/livez"), ("livenessProbe", "/livez"), ("readinessProbe", "/readyz")] {
        let asked = &container[probe]["httpGet"];
        assert_eq!(asked["path"], path, "{probe}");
        assert!(list(&container["ports"]).iter().any(|port| port["name"] == asked["port"]), "{probe}");
    }
}

#[test]
fn each_disruption_budget_is_about_pods_that_exist() {
    let budgets = of_kind("PodDisruptionBudget");
    for workload in of_kind("StatefulSet") {
        let labels = &workload["spec"]["template"]["metadata"]["labels"];
        let budget =
            budgets.iter().find(|budget| &budget["spec"]["selector"]["matchLabels"] == labels).expect("a budget");
        let replicas = workload["spec"]["replicas"].as_u64().expect("a number");
        let lost = budget["spec"]["maxUnavailable"].as_u64().expect("a number");
        // A majority stays; of one, it stays.
        assert!((replicas - lost) * 2 > replicas, "{budget}");
    }
    assert_eq!(budgets.len(), of_kind("StatefulSet").len());
}

#[test]
fn every_secret_is_made_by_the_commands_of_the_page_and_none_is_in_a_manifest() {
    assert!(of_kind("Secret").is_empty());
    let page = text("deploy/kubernetes/README.md");
    for workload in workloads() {
        let pod = &workload["spec"]["template"]["spec"];
        let container = &pod["containers"][0];
        let mut wanted: Vec<&str> = Vec::new();
        let volumes = list(&pod["volumes"]);
        wanted.extend(volumes.iter().filter_map(|volume| volume["secret"]["secretName"].as_str()));
        let (from, variables) = (list(&container["envFrom"]), list(&container["env"]));
        wanted.extend(from.iter().filter_map(|source| source["secretRef"]["name"].as_str()));
        wanted.extend(variables.iter().filter_map(|one| one["valueFrom"]["secretKeyRef"]["name"].as_str()));
        assert!(!wanted.is_empty());
        for name in wanted {
            assert!(page.contains(&format!("create secret generic {name} ")), "{name}");
        }
    }
    for file in environment(&named("StatefulSet", "ibnats"))
        .values()
        .filter_map(|value| value.strip_prefix("/run/secrets/ibnats/"))
    {
        assert!(page.contains(&format!("--from-literal={file}=")), "{file}");
    }
}

#[test]
fn our_pods_have_no_rights_they_do_not_need() {
    for workload in of_kind("StatefulSet") {
        let pod = &workload["spec"]["template"]["spec"];
        assert_eq!(pod["automountServiceAccountToken"], false);
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
        let rights = &pod["containers"][0]["securityContext"];
        assert_eq!(rights["readOnlyRootFilesystem"], true);
        assert_eq!(rights["allowPrivilegeEscalation"], false);
        assert_eq!(rights["capabilities"]["drop"][0], "ALL");
    }
}

#[test]
fn only_the_bridge_reaches_the_gateway() {
    let policy = named("NetworkPolicy", "ib-gateway");
    let gateway = named("Deployment", "ib-gateway");
    assert_eq!(policy["spec"]["podSelector"]["matchLabels"], gateway["spec"]["template"]["metadata"]["labels"]);
    let bridge = named("StatefulSet", "ibnats");
    let from = list(&policy["spec"]["ingress"][0]["from"]);
    assert_eq!(from.len(), 1);
    assert_eq!(from[0]["podSelector"]["matchLabels"], bridge["spec"]["template"]["metadata"]["labels"]);
}

#[test]
fn nats_server_accepts_the_configuration_of_the_cluster() {
    let folder = tempfile::tempdir().unwrap();
    for file in ["kubernetes/cluster.conf", "nats-server.conf"] {
        let source = checkout("deploy").join(file);
        std::fs::copy(&source, folder.path().join(source.file_name().unwrap())).unwrap();
    }
    let mut check = Command::new(nats_server::program());
    check.arg("-t").arg("-c").arg(folder.path().join("cluster.conf")).env("POD_NAME", "nats-0");
    for user in ["BRIDGE", "VIEWER", "TRADER", "ADMIN", "ROUTE"] {
        check.env(format!("IBNATS_{user}_PASSWORD"), "secret");
    }
    for (name, value) in environment(&named("StatefulSet", "nats")) {
        check.env(name, value.replace("$(IBNATS_ROUTE_PASSWORD)", "secret"));
    }
    let output = check.output().expect("runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn kubectl_puts_the_manifests_together() {
    let Some(kubectl) = crate::tool("KUBECTL", "kubectl") else {
        println!("not put together: kubectl is not installed here");
        return;
    };
    let output = Command::new(kubectl).arg("kustomize").arg(checkout("deploy")).output().expect("runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let made: Vec<Value> = serde_saphyr::from_multiple(&String::from_utf8_lossy(&output.stdout)).expect("YAML");
    // Two maps of configuration are made beside what is written.
    assert_eq!(made.len(), objects().len() + 2);
}
