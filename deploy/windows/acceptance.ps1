# Installs the MSI on a real Windows as docs/install.md says it, and looks at what wine cannot show. For a machine that may be changed: it ends without Halo Link.
param([Parameter(Mandatory)][string]$Old, [Parameter(Mandatory)][string]$New)
$ErrorActionPreference = 'Stop'
Set-Location "$PSScriptRoot/../.."
$folder = "$env:ProgramData\Halo Link"

function Check($what, $condition) { if (-not $condition) { throw "Not so: $what" }; Write-Host "ok  $what" }
function Wait-For($what, [scriptblock]$condition) {
    $end = (Get-Date).AddMinutes(3)
    while (-not (& $condition)) { if ((Get-Date) -gt $end) { throw "Never came true: $what" }; Start-Sleep -Milliseconds 500 }
    Write-Host "ok  $what"
}
function Msi([string[]]$arguments, [int[]]$expected = @(0)) {
    $log = "C:\Windows\Temp\halo-$([DateTime]::Now.Ticks).log"
    $run = Start-Process msiexec.exe -ArgumentList ($arguments + '/qn', '/norestart', '/l*v', $log) -Wait -PassThru
    Check "msiexec $($arguments[0]) ends with $($run.ExitCode)" ($expected -contains $run.ExitCode)
    Check 'no secret in its log' (-not (Select-String -Path $log -SimpleMatch 'marked-secret' -Quiet))
}
function Version { (Get-ItemProperty 'HKLM:\SOFTWARE\Halo Link' -ErrorAction SilentlyContinue).Version }
function Products { @(Get-ItemProperty 'HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall\*' | Where-Object DisplayName -EQ 'Halo Link') }
function Link { & (Join-Path (Get-ItemProperty 'HKLM:\SOFTWARE\Halo Link').InstallLocation 'halo-link.exe') @args }

# An API and a database of invented patients on this machine.
dotnet build src/Halo.Api -c Release --nologo -v quiet
New-Item -ItemType Directory C:\pms -Force | Out-Null
dotnet run --project samples/Clinic -- C:\pms\clinic.db
icacls C:\pms /grant '*S-1-1-0:(OI)(CI)M' | Out-Null
$env:Halo__Enrolment = 'open'; $env:Halo__DataDirectory = 'C:\halo-api'
$api = Start-Process dotnet -ArgumentList 'run', '--project', 'src/Halo.Api', '-c', 'Release', '--no-build' -PassThru
$address = 'http://127.0.0.1:5080'
Wait-For 'the API is ready' { try { (Invoke-WebRequest "$address/health/ready").StatusCode -eq 200 } catch { $false } }
$admin = @{ 'Halo-Admin-Key' = (Get-Content C:\halo-api\admin.key).Trim() }

# A folder that somebody else made is refused, and nothing is written into it.
New-LocalUser halo-visitor -Password (ConvertTo-SecureString 'Visitor-2718!' -AsPlainText -Force) | Out-Null
$visitor = [pscredential]::new("$env:COMPUTERNAME\halo-visitor", (ConvertTo-SecureString 'Visitor-2718!' -AsPlainText -Force))
New-Item -ItemType Directory $folder | Out-Null
icacls $folder /setowner halo-visitor | Out-Null
Msi @('/i', "`"$Old`"") @(1603)
Check 'a foreign folder is refused' (-not (Get-Service HaloLink -ErrorAction SilentlyContinue) -and -not (Test-Path "$folder\setup.log"))
Remove-Item $folder -Recurse -Force
New-Item -ItemType Directory C:\elsewhere -Force | Out-Null
New-Item -ItemType Junction $folder -Target C:\elsewhere | Out-Null
Msi @('/i', "`"$Old`"") @(1603)
Check 'a junction is refused' (-not (Get-ChildItem C:\elsewhere))
(Get-Item $folder).Delete()

Msi '/i', "`"$Old`""
Check 'the version is detected' ((Version) -eq '26.1130.1')
Check 'Programs and Features shows it' ((Products).DisplayVersion -eq '26.1130.1')
$service = Get-CimInstance Win32_Service -Filter "Name='HaloLink'"
Check 'the service has its virtual account' ($service.StartName -eq 'NT SERVICE\HaloLink')
Check 'it waits for its settings' ($service.StartMode -eq 'Manual' -and $service.State -eq 'Stopped')
$recovery = sc.exe qfailure HaloLink | Out-String
Check 'it is restarted after 1, 5 and 15 minutes' ($recovery -match '60000' -and $recovery -match '300000' -and $recovery -match '900000')
$rights = (Get-Acl "$folder\data").Access.IdentityReference.Value | Sort-Object
Check 'the data folder is closed to others' (-not ($rights -match 'Users|Everyone|Authenticated') -and ($rights -contains 'NT SERVICE\HaloLink'))

Msi '/i', "`"$Old`"", "API=$address", 'ENROLMENTTOKEN=marked-secret-1', 'DBENGINE=sqlite', 'DBNAME=C:\pms\clinic.db', 'PMSNAME="Best Practice"', 'PMSID=12345', 'PRACTICENAME="Main Street Clinic"'
Check 'it starts with the machine, delayed' ((sc.exe qc HaloLink | Out-String) -match 'DELAYED')
Wait-For 'it is connected' { Link status | Out-Null; $LASTEXITCODE -eq 0 }
Check 'the key is protected for the machine' (Test-Path "$folder\data\link.key")

$integrator = Invoke-RestMethod "$address/admin/v1/integrators" -Method Post -Headers $admin -ContentType application/json -Body '{"name":"Recalls Ltd"}'
$site = (Invoke-RestMethod "$address/admin/v1/sites" -Headers $admin).sites[0].id
Invoke-RestMethod "$address/admin/v1/integrators/$($integrator.id)/pairings/$site" -Method Put -Headers $admin | Out-Null
function Query { Invoke-RestMethod "$address/integrator/sites/$site/queries/immediate" -Method Post -ContentType application/json -Headers @{ 'Ocp-Apim-Subscription-Key' = $integrator.keys.primary } -Body '{"command":{"text":"SELECT 42 AS answer"}}' }
Check 'a query runs' ([Text.Encoding]::UTF8.GetString([Convert]::FromBase64String((Query).result.data)) -eq '[{"answer":42}]')

Msi @('/i', "`"$Old`"", 'POLICY=nonsense') @(1603)
Check 'a refused property leaves the version' ((Version) -eq '26.1130.1' -and (Products).Count -eq 1)
Wait-For 'and the service runs' { Link status | Out-Null; $LASTEXITCODE -eq 0 }
Msi @('/i', "`"$Old`"", 'SERVICEACCOUNT=NOWHERE\nobody') @(1603)
Wait-For 'so does an unknown account' { Link status | Out-Null; $LASTEXITCODE -eq 0 }
'{ "sites": [{ "engine": "sqlite", "connectionString": "Data Source=C:\\pms\\clinic.db", "practiceManagementName": "Best Practice", "practiceManagementSiteId": "12345" }] }' | Set-Content C:\sites.json
Msi '/i', "`"$Old`"", 'CONFIGFILE=C:\sites.json'
Check 'a list of sites without policies opens nothing' ((Get-Content "$folder\halo-link.json" -Raw | ConvertFrom-Json).sites[0].policy.default.readOnly -eq $true)
Wait-For 'it is connected again' { Link status | Out-Null; $LASTEXITCODE -eq 0 }
# The secondary logon reads the package from a place that everybody may read.
Copy-Item $Old C:\Users\Public\halo-old.msi
$repair = Start-Process msiexec.exe -ArgumentList '/fa', 'C:\Users\Public\halo-old.msi', '/qn', 'POLICY=write' -Credential $visitor -WorkingDirectory C:\ -Wait -PassThru
Check "a repair by a user who is no administrator ends with $($repair.ExitCode)" ($repair.ExitCode -ne 0)
Check 'and changes no policy' ((Get-Content "$folder\halo-link.json" -Raw | ConvertFrom-Json).sites[0].policy.default.readOnly -eq $true)

Msi @('/i', "`"$New`"", 'POLICY=nonsense') @(1603)
Check 'after an upgrade that failed the old version is there' ((Version) -eq '26.1130.1' -and (Products).Count -eq 1)
Wait-For 'and runs' { Link status | Out-Null; $LASTEXITCODE -eq 0 }
$key = Get-FileHash "$folder\data\identity.json"
Msi '/i', "`"$New`""
Check 'upgraded, one product is left' ((Version) -eq '26.1201.1' -and (Products).Count -eq 1 -and (Products).DisplayVersion -eq '26.1201.1')
Check 'with its identity' ((Get-FileHash "$folder\data\identity.json").Hash -eq $key.Hash)
Wait-For 'and its session' { Link status | Out-Null; $LASTEXITCODE -eq 0 }
Msi '/i', "`"$Old`""
Check 'an older package changes nothing' ((Version) -eq '26.1201.1' -and (Products).Count -eq 1)
# 0 and not 3010: the service that runs is stopped for it.
Msi '/fa', "`"$New`""
Wait-For 'repaired, it runs' { Link status | Out-Null; $LASTEXITCODE -eq 0 }

$id = (Get-CimInstance Win32_Service -Filter "Name='HaloLink'").ProcessId
Stop-Process -Id $id -Force
Wait-For 'killed, it comes back by itself' { $now = Get-CimInstance Win32_Service -Filter "Name='HaloLink'"; $now.State -eq 'Running' -and $now.ProcessId -ne $id }

Msi '/x', "`"$New`""
Check 'removed, no service is left' (-not (Get-Service HaloLink -ErrorAction SilentlyContinue))
Check 'and settings and data stay' (Test-Path "$folder\data\identity.json")
Msi '/i', "`"$New`""
Wait-For 'installed again, it has them back' { Link status | Out-Null; $LASTEXITCODE -eq 0 }
Msi '/x', "`"$New`"", 'PURGE=1'
Check 'purged, nothing is left' (-not (Test-Path $folder) -and -not (Test-Path "$env:ProgramFiles\Halo Link\versions"))
Remove-LocalUser halo-visitor
Stop-Process -Id $api.Id -Force
