using Halo.Contracts.Queries;

namespace Halo.Client;

/// <summary>A value with the type under which the database is to take it, where the one that follows from the .NET type is not the right one.</summary>
/// <param name="Value">The value, null for NULL: one of the .NET types that <see cref="HaloCommand"/> names.</param>
/// <param name="Type">The type; null: the database infers it.</param>
public sealed record HaloParameter(object? Value, SqlType? Type);
