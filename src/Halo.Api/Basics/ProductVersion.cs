using System.Reflection;

namespace Halo.Api.Basics;

/// <summary>The version of this build, as <c>YY.Mdd.build</c>.</summary>
static class ProductVersion
{
    /// <summary>As it stands in answers and logs.</summary>
    public static readonly string Text =
        typeof(ProductVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0.0.0";
}
