#!/bin/sh
# {{ title }}
# kubectl exec -i POD -- sh -s <THIS-FILE; where the pod has no ip, kubectl debug -i POD --image=nicolaka/netshoot -- sh -s <THIS-FILE

{% include "linux/check.sh" %}
