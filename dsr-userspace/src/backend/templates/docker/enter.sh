#!/bin/sh
# {{ title }}
# Run it on the Docker host, with all rights.{% if container %} The container is {{ container }}.{% endif %}

set -eu

{% include "shell/die.sh" %}

pid=$(docker inspect --format '{{ "{{" }}.State.Pid{{ "}}" }}' {{ container }}) || die "there is no container {{ container }}: docker ps shows them"
[ "$pid" -gt 0 ] || die "the container {{ container }} does not run: docker start {{ container }}"
# A container that is made again has another namespace, and records of its own.
netns=$(stat -L -c %i "/proc/$pid/ns/net")
[ "$netns" != "$(stat -L -c %i /proc/self/ns/net)" ] ||
    die "the container {{ container }} has the host's network: set up the host, with --os linux"
export netns

# The host's own ip in the container's network: the container needs no program and no capability for it.
nsenter --target "$pid" --net sh -s <<'DSR'
{% include "linux/" ~ action ~ ".sh" %}
DSR
