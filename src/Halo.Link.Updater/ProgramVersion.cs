using System.Reflection;

namespace Halo.Link.Updater;

static class ProgramVersion
{
    /// <summary>Of this program, <c>YY.Mdd.build</c>.</summary>
    public static string Own { get; } =
        typeof(ProgramVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0.0.0";
}
