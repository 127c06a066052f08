using Halo.Api.Storage;
using Microsoft.AspNetCore.Components;

namespace Halo.Api.Tests.Architecture;

/// <summary>Nobody references the program, so nothing of it is for others: what is not used any more is then found by the compiler.</summary>
public sealed class VisibilityTests
{
    /// <remarks>The web SDK itself declares Program to be public, and Razor every component.</remarks>
    [Fact]
    public void The_program_has_no_public_types_but_components() => Assert.Empty(typeof(Database).Assembly.GetExportedTypes()
        .Where(t => !t.IsAssignableTo(typeof(IComponent)) && t.Name != "_Imports").Select(t => t.FullName).Except(["Program"]));
}
