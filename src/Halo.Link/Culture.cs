using System.Globalization;
using System.Runtime.InteropServices;

namespace Halo.Link;

/// <summary>Nothing of the Link depends on the machine's language; yet the SQL Server driver does not connect without the system's language data (ICU).</summary>
static class Culture
{
    const int BadConfiguration = 2;

    /// <summary>Makes every thread's culture the invariant one. To be called before anything else.</summary>
    /// <returns>Null, or the exit code where the machine lacks ICU: then it has said so.</returns>
    public static int? MakeInvariant()
    {
        if (!HasIcu())
        {
            // Not through Console: that asks for the culture, and the runtime then aborts with a stack.
            var words = """
                halo-link needs the ICU library, and this machine has none: install libicu (Debian, Ubuntu, Red Hat) or icu-libs and icu-data-full (Alpine). Where no site is on SQL Server, setting the environment variable DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1 does as well.

                """u8;
            _ = Write(2, in words[0], words.Length);
            return BadConfiguration;
        }
        CultureInfo.DefaultThreadCurrentCulture = CultureInfo.DefaultThreadCurrentUICulture = CultureInfo.InvariantCulture;
        CultureInfo.CurrentCulture = CultureInfo.CurrentUICulture = CultureInfo.InvariantCulture;
        return null;
    }

    /// <summary>The runtime's own question; its own answer to "no" is to abort the process.</summary>
    static bool HasIcu()
    {
        // Windows has its own. The other two mean that the system's is not wanted.
        if (OperatingSystem.IsWindows()
            || AppContext.TryGetSwitch("System.Globalization.Invariant", out var invariant) && invariant
            || Environment.GetEnvironmentVariable("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT") is "1" or "true" or "True" or "TRUE"
            || AppContext.GetData("System.Globalization.AppLocalIcu") is not null)
            return true;
        try
        {
            return LoadIcu() != 0;
        }
        catch (Exception e) when (e is EntryPointNotFoundException or DllNotFoundException)
        {
            // A runtime that is put together otherwise: it decides for itself.
            return true;
        }
    }

    [DllImport("libSystem.Globalization.Native", EntryPoint = "GlobalizationNative_LoadICU")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories | DllImportSearchPath.AssemblyDirectory)]
    static extern int LoadIcu();

    [DllImport("libc", EntryPoint = "write")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    static extern nint Write(int file, in byte bytes, nint length);
}
