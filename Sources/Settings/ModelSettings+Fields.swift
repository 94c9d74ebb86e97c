// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

extension ModelSettings {
    /// Whether text can name a model: printable, with a star only at the end, alone or after a slash.
    static func isName(_ text: String) -> Bool {
        guard (1...256).contains(text.utf8.count), text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            return false
        }
        return !text.dropLast().contains("*") && (!text.hasSuffix("*") || text == "*" || text.hasSuffix("/*"))
    }

    static var fields: [Field<ModelSettings>] {
        [
            .value("name", \.name, expected: "a name, '*' or 'prefix/*'") { isName($0) ? $0 : nil },
            Field(path: ["deployments"]) { node, _, model, report in
                model.deployments = DeploymentSettings.read(node, &report)
            },
            Field(path: ["fallbacks"]) { node, label, model, report in
                Field.list(label, \ModelSettings.fallbacks, expected: "the name of a model") {
                    isName($0) && !$0.contains("*") ? $0 : nil
                }.read(node, label, &model, &report)
                guard case .list(let items) = node.content else { return }
                for item in items {
                    if let name = item.text { report.refer(to: .model, name, line: item.line) }
                }
            },
        ]
            + PriceSettings.fields("price.") { model, change in
                var price = model.price ?? PriceSettings()
                change(&price)
                model.price = price
            }
    }

    /// Reads the list of models.
    static func read(_ node: YAMLNode, _ report: inout Report) -> [ModelSettings] {
        guard case .list(let items) = node.content else {
            report.add(node.line, "models must be a list, not \(node.form)")
            return []
        }
        var models: [ModelSettings] = []
        for item in items {
            var model = ModelSettings()
            fields.read(item, label: "a model", into: &model, &report)
            if let price = item["price"] { PriceSettings.checkWhole(price, &report) }
            guard case .map = item.content else { continue }
            if item["name"] == nil { report.add(item.line, "a model needs a name") }
            if item["deployments"].isAbsentOrNull { report.add(item.line, "a model needs deployments") }
            if !model.name.isEmpty, models.contains(where: { $0.name == model.name }) {
                let line = item["name"]?.line ?? item.line
                report.add(line, "there are two models named \(Report.quoted(model.name))")
                continue
            }
            models.append(model)
        }
        return models
    }
}

extension DeploymentSettings {
    static var fields: [Field<DeploymentSettings>] {
        [
            Field(path: ["provider"]) { node, label, deployment, report in
                guard let name = node.text else {
                    return report.add(node.line, "\(label) must be the name of a provider, not \(node.form)")
                }
                deployment.provider = name
                report.refer(to: .provider, name, line: node.line)
            },
            .value("model", \.model, expected: "the provider's name for the model") {
                $0.isEmpty ? nil : .some($0)
            },
            .integer("weight", \.weight, 0...1000),
        ]
    }

    static func read(_ node: YAMLNode, _ report: inout Report) -> [DeploymentSettings] {
        guard case .list(let items) = node.content, !items.isEmpty else {
            report.add(node.line, "deployments must be a list of at least one {provider, model, weight}")
            return []
        }
        let deployments = items.map { item in
            var deployment = DeploymentSettings()
            fields.read(item, label: "a deployment", into: &deployment, &report)
            if case .map = item.content, item["provider"] == nil {
                report.add(item.line, "a deployment needs a provider")
            }
            return deployment
        }
        if deployments.allSatisfy({ $0.weight == 0 }) {
            report.add(node.line, "one of the deployments needs a weight above 0")
        }
        return deployments
    }
}
