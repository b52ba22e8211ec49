if [ -e "$state/{{ vip.slug }}" ]; then
{% if vip.family == 4 %}
    ifconfig lo0 inet {{ vip.address }} -alias || true
{% else %}
    ifconfig lo0 inet6 {{ vip.address }} -alias || true
{% endif %}
    rm "$state/{{ vip.slug }}"
else
    echo "{{ vip.address }} was not added by the set-up, and stays"
fi
