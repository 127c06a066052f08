using Halo.Link.Engines.Running;

namespace Halo.Link.Tests.Architecture;

/// <summary>Nobody references the program, so nothing of it is for others: what is not used any more is then found by the compiler.</summary>
public sealed class VisibilityTests
{
    [Fact]
    public void The_program_has_no_public_types() =>
        Assert.Empty(typeof(CommandRunner).Assembly.GetExportedTypes().Select(t => t.FullName));
}
