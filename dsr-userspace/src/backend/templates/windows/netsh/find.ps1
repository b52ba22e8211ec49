# The adapter of the balancer's network: its name or its index number, netsh takes both.
{% if address %}
$own = @(Get-WmiObject -Class Win32_NetworkAdapterConfiguration | Where-Object { $_.IPAddress -contains '{{ address }}' })
if ($own.Count -eq 0) { throw 'this host does not have {{ address }}: run this on the backend that has it' }
{% endif %}
{% if named %}
$lan = '{{ interface }}'
{% else %}
$lan = $own[0].InterfaceIndex
{% endif %}
# Of the loopback adapter: where it is, its addresses.
function Get-Loopback { Get-WmiObject -Class Win32_NetworkAdapter | Where-Object { $_.NetConnectionID -eq '{{ adapter }}' } }
function Get-Holder($Address) { Get-WmiObject -Class Win32_NetworkAdapterConfiguration | Where-Object { $_.IPAddress -contains $Address } }
