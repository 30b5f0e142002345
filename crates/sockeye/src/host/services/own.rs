//! Our own list: ports that developers meet and that the registry does not know, or knows by a name that nobody uses.
//!
//! It is the last source asked, and says what it is: none of these is an official name.

use super::{Entry, Source};

/// First and last port, protocol, name, and what it is.
type Row = (u16, u16, &'static str, &'static str, &'static str);

/// By port, so that a look-up is a binary search; no two rows of one protocol overlap, except that a single port comes
/// before the range around it.
const ROWS: &[Row] = &[
    (43, 43, "tcp", "whois", "who owns a domain or an address"),
    (
        111,
        111,
        "tcp",
        "portmapper",
        "where the RPC programs listen",
    ),
    (
        1025,
        1025,
        "tcp",
        "mailhog",
        "test mail server (MailHog, Mailpit), SMTP",
    ),
    (1433, 1433, "tcp", "mssql", "Microsoft SQL Server"),
    (1521, 1521, "tcp", "oracle", "Oracle database listener"),
    (2019, 2019, "tcp", "caddy-admin", "Caddy's admin API"),
    (2181, 2181, "tcp", "zookeeper", "ZooKeeper clients"),
    (
        2375,
        2375,
        "tcp",
        "docker",
        "Docker API in plain text: whoever reaches it is root",
    ),
    (2376, 2376, "tcp", "docker-s", "Docker API with TLS"),
    (2379, 2379, "tcp", "etcd", "etcd clients"),
    (
        2380,
        2380,
        "tcp",
        "etcd-peer",
        "etcd members among themselves",
    ),
    (
        3000,
        3000,
        "tcp",
        "node-dev",
        "development servers (Node, Next.js, Rails), Grafana, Gitea",
    ),
    (
        3001,
        3001,
        "tcp",
        "node-dev-2",
        "the second development server",
    ),
    (3100, 3100, "tcp", "loki", "Grafana Loki, log store"),
    (
        4000,
        4000,
        "tcp",
        "phoenix",
        "Phoenix and Jekyll development servers",
    ),
    (
        4040,
        4040,
        "tcp",
        "spark-ui",
        "Spark application UI, ngrok inspector",
    ),
    (4173, 4173, "tcp", "vite-preview", "Vite preview server"),
    (4200, 4200, "tcp", "angular", "Angular development server"),
    (4222, 4222, "tcp", "nats", "NATS clients"),
    (
        4317,
        4317,
        "tcp",
        "otlp-grpc",
        "OpenTelemetry collector, gRPC",
    ),
    (
        4318,
        4318,
        "tcp",
        "otlp-http",
        "OpenTelemetry collector, HTTP",
    ),
    (4444, 4444, "tcp", "selenium", "Selenium Grid and WebDriver"),
    (4646, 4646, "tcp", "nomad", "HashiCorp Nomad API"),
    (
        5000,
        5000,
        "tcp",
        "flask",
        "Flask, container registry; on macOS AirPlay",
    ),
    (5044, 5044, "tcp", "logstash-beats", "Logstash, for Beats"),
    (5173, 5173, "tcp", "vite", "Vite development server"),
    (
        5500,
        5500,
        "tcp",
        "live-server",
        "live-reloading file server of editors",
    ),
    (
        5555,
        5555,
        "tcp",
        "adb",
        "Android debug bridge over the network, Celery Flower",
    ),
    (5601, 5601, "tcp", "kibana", "Kibana"),
    (5678, 5678, "tcp", "debugpy", "Python debugger, n8n"),
    (5900, 5900, "tcp", "vnc", "VNC, the first screen"),
    (6006, 6006, "tcp", "tensorboard", "TensorBoard, Storybook"),
    (6060, 6060, "tcp", "go-pprof", "Go profiles"),
    (6333, 6333, "tcp", "qdrant", "Qdrant vector database"),
    (6379, 6379, "tcp", "redis", "Redis, Valkey"),
    (6443, 6443, "tcp", "kube-api", "Kubernetes API server"),
    (7077, 7077, "tcp", "spark", "Spark master"),
    (7474, 7474, "tcp", "neo4j-http", "Neo4j browser"),
    (7687, 7687, "tcp", "bolt", "Neo4j, Bolt protocol"),
    (7700, 7700, "tcp", "meilisearch", "Meilisearch"),
    (7860, 7860, "tcp", "gradio", "Gradio apps"),
    (
        8000,
        8000,
        "tcp",
        "http-dev",
        "Python's http.server, Django, Uvicorn",
    ),
    (8001, 8001, "tcp", "kubectl-proxy", "kubectl proxy"),
    (
        8025,
        8025,
        "tcp",
        "mailhog-ui",
        "test mail server (MailHog, Mailpit), web page",
    ),
    (
        8080,
        8080,
        "tcp",
        "http-alt",
        "the second web server: Tomcat, Jenkins, proxies",
    ),
    (
        8081,
        8081,
        "tcp",
        "http-alt-2",
        "the third web server: Nexus, Schema Registry, Metro",
    ),
    (8086, 8086, "tcp", "influxdb", "InfluxDB"),
    (
        8089,
        8089,
        "tcp",
        "locust",
        "Locust load test, Splunk management",
    ),
    (
        8123,
        8123,
        "tcp",
        "clickhouse-http",
        "ClickHouse over HTTP, Home Assistant",
    ),
    (8125, 8125, "udp", "statsd", "StatsD metrics"),
    (8161, 8161, "tcp", "activemq-ui", "ActiveMQ console"),
    (8200, 8200, "tcp", "vault", "HashiCorp Vault API"),
    (8265, 8265, "tcp", "ray", "Ray dashboard"),
    (
        8443,
        8443,
        "tcp",
        "https-alt",
        "the second web server with TLS",
    ),
    (8500, 8500, "tcp", "consul", "Consul API and UI"),
    (8501, 8501, "tcp", "streamlit", "Streamlit apps"),
    (8529, 8529, "tcp", "arangodb", "ArangoDB"),
    (8787, 8787, "tcp", "rstudio", "RStudio Server, Wrangler"),
    (8888, 8888, "tcp", "jupyter", "Jupyter"),
    (8983, 8983, "tcp", "solr", "Apache Solr"),
    (
        9000,
        9000,
        "tcp",
        "minio",
        "MinIO, PHP-FPM, SonarQube, ClickHouse",
    ),
    (9001, 9001, "tcp", "minio-ui", "MinIO console, supervisord"),
    (
        9042,
        9042,
        "tcp",
        "cassandra",
        "Cassandra and ScyllaDB clients (CQL)",
    ),
    (9050, 9050, "tcp", "tor-socks", "Tor as a SOCKS proxy"),
    (9090, 9090, "tcp", "prometheus", "Prometheus, Cockpit"),
    (
        9091,
        9091,
        "tcp",
        "pushgateway",
        "Prometheus Pushgateway, Transmission",
    ),
    (9092, 9092, "tcp", "kafka", "Kafka brokers"),
    (
        9093,
        9093,
        "tcp",
        "alertmanager",
        "Prometheus Alertmanager, Kafka with TLS",
    ),
    (
        9100,
        9100,
        "tcp",
        "node-exporter",
        "Prometheus node exporter; printers (raw)",
    ),
    (
        9200,
        9200,
        "tcp",
        "elasticsearch",
        "Elasticsearch, OpenSearch over HTTP",
    ),
    (9229, 9229, "tcp", "node-inspect", "Node.js debugger"),
    (
        9300,
        9300,
        "tcp",
        "elastic-nodes",
        "Elasticsearch nodes among themselves",
    ),
    (9411, 9411, "tcp", "zipkin", "Zipkin traces"),
    (10250, 10250, "tcp", "kubelet", "Kubernetes node agent"),
    (11211, 11211, "tcp", "memcached", "memcached"),
    (
        11434,
        11434,
        "tcp",
        "ollama",
        "Ollama, local language models",
    ),
    (15672, 15672, "tcp", "rabbitmq-ui", "RabbitMQ management"),
    (16686, 16686, "tcp", "jaeger-ui", "Jaeger traces"),
    (19530, 19530, "tcp", "milvus", "Milvus vector database"),
    (26257, 26257, "tcp", "cockroachdb", "CockroachDB"),
    (27017, 27017, "tcp", "mongodb", "MongoDB"),
    (28015, 28015, "tcp", "rethinkdb", "RethinkDB"),
    (
        30000,
        32767,
        "tcp",
        "kube-nodeport",
        "Kubernetes services of type NodePort",
    ),
    (35729, 35729, "tcp", "livereload", "LiveReload"),
    (50051, 50051, "tcp", "grpc", "gRPC servers of the tutorials"),
    (51820, 51820, "udp", "wireguard", "WireGuard"),
    (61616, 61616, "tcp", "activemq", "ActiveMQ"),
];

/// The rows at or around this port.
fn at(port: u16, protocol: &str) -> impl Iterator<Item = &'static Row> {
    let end = ROWS.partition_point(|(first, ..)| *first <= port);
    let around = ROWS[..end].iter().rev();
    around.filter(move |(_, last, known, ..)| *last >= port && *known == protocol)
}

pub(super) fn name(port: u16, protocol: &str) -> Option<&'static str> {
    at(port, protocol).next().map(|(.., name, _)| *name)
}

pub(super) fn port(name: &str, protocol: &str) -> Option<u16> {
    let named = |(_, _, known, own, _): &&Row| *known == protocol && own.eq_ignore_ascii_case(name);
    ROWS.iter().find(named).map(|(first, ..)| *first)
}

pub(super) fn entries<'a>() -> impl Iterator<Item = Entry<'a>> {
    ROWS.iter()
        .map(|&(first, last, protocol, name, about)| Entry {
            first,
            last,
            protocol,
            name,
            aliases: Vec::new(),
            about,
            source: Source::Dev,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_in_order_and_its_names_can_stand_in_an_endpoint() {
        assert!(ROWS.is_sorted_by_key(|(first, ..)| *first));
        for (first, last, protocol, name, about) in ROWS {
            assert!(first <= last, "{name}");
            assert!(super::super::PROTOCOLS.contains(protocol), "{name}");
            // RFC 6335 section 5.1.
            assert!((1..=15).contains(&name.len()), "{name}");
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(name.chars().all(plain), "{name}");
            assert!((1..=60).contains(&about.len()), "{name}");
            assert_eq!(port(name, protocol), Some(*first), "{name} stands twice");
        }
    }

    #[test]
    fn a_port_inside_a_range_has_its_name() {
        assert_eq!(name(30000, "tcp"), Some("kube-nodeport"));
        assert_eq!(name(32767, "tcp"), Some("kube-nodeport"));
        assert_eq!(name(32768, "tcp"), None);
        assert_eq!(name(31000, "udp"), None);
        assert_eq!(name(6443, "tcp"), Some("kube-api"));
    }
}
