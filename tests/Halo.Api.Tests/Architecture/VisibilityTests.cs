using Halo.Api.Storage;

namespace Halo.Api.Tests.Architecture;

/// <summary>Nobody references the program, so nothing of it is for others: what is not used any more is then found by the compiler.</summary>
public sealed class VisibilityTests
{
    /// <remarks>The web SDK itself declares Program to be public.</remarks>
    [Fact]
    public void The_program_has_no_public_types() =>
        Assert.Empty(typeof(Database).Assembly.GetExportedTypes().Select(t => t.FullName).Except(["Program"]));
}
