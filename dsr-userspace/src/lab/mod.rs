//! A network of namespaces with a client, a switch, a balancer and backends.
