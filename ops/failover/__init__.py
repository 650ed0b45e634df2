"""Standby and failover: a real Patroni cluster, load on the real product, and the drill."""
