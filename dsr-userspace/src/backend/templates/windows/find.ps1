# The adapter of the balancer's network.
{% if address %}
$own = Get-NetIPAddress -IPAddress '{{ address }}' -ErrorAction SilentlyContinue
if ($null -eq $own) { throw 'this host does not have {{ address }}: run this on the backend that has it' }
{% endif %}
{% if named and numbered %}
$lan = (Get-NetAdapter -InterfaceIndex {{ interface }}).ifIndex
{% elif named %}
$lan = (Get-NetAdapter -Name '{{ interface }}').ifIndex
{% else %}
$lan = $own.InterfaceIndex
{% endif %}
