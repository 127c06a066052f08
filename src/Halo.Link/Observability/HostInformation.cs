using System.Reflection;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Halo.LinkProtocol.Enrolment;
using Microsoft.Win32;

namespace Halo.Link.Observability;

/// <summary>What the Link says of itself and its machine.</summary>
static class HostInformation
{
    /// <summary><c>YY.Mdd.build</c>.</summary>
    public static string Version { get; } =
        typeof(HostInformation).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0.0.0";

    public static HostFacts Facts() => new(Environment.MachineName, RuntimeInformation.OSDescription, Environment.ProcessorCount);

    /// <summary>An id of the machine that survives restarts; null where the system has none.</summary>
    /// <remarks>As a digest with our own name in it: <c>machine-id(5)</c> asks not to give the id itself away.</remarks>
    public static string? MachineId() =>
        RawMachineId() is { Length: > 0 } id ? Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"halo-link:{id}"))) : null;

    static string? RawMachineId()
    {
        try
        {
            if (OperatingSystem.IsWindows())
                return Registry.GetValue(@"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Cryptography", "MachineGuid", null) as string;
            return File.Exists("/etc/machine-id") ? File.ReadAllText("/etc/machine-id").Trim() : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or System.Security.SecurityException)
        {
            return null;
        }
    }
}
