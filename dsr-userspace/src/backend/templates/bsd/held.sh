held=no
for interface in $(holders {{ vip.address }}); do
    held=yes
    [ "$interface" = lo0 ] || fault vip-elsewhere "{{ vip.address }} is on $interface, which announces it" "ifconfig $interface {% if vip.family == 4 %}inet{% else %}inet6{% endif %} {{ vip.address }} -alias"
done
[ $held = yes ] || fault vip-held "{{ vip.address }} is not an address of this host" "run the set-up again"
